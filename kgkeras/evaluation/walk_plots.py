"""Plots of answered questions: the walk through the graph, and what each hop looked for."""

import numpy as np

from kgkeras.evaluation.plots import save, subplots


def plot_walks(graph, questions, outputs, path, most=12):
    """Draws, for each question, the graph round the walk to its best answer.

    Beside it stand the relations' weights at each hop, where there are such.

    Args:
        graph: The `kg.KnowledgeGraph` walked along, with its inverse relations.
        questions: Sequence of texts.
        outputs: Dict of arrays as `models.QuestionAnswerer` returns them: `facts` and, where a
            model has them, `relation_weights`.
        path: PNG file to write.
        most: Facts beside the walk that are drawn for each entity on it.

    Returns:
        `path`.
    """
    weights = outputs.get("relation_weights")
    columns = 1 if weights is None else 2
    figure, panels = subplots(len(questions), columns, (6.5 * columns, 3.6 * len(questions)))
    for row, question in enumerate(questions):
        walk = [tuple(fact) for fact in outputs["facts"][row, 0].tolist() if fact[0] >= 0]
        _draw_walk(panels[row, 0], graph, walk, most)
        panels[row, 0].set_title(question, fontsize=9, loc="left")
        if weights is not None:
            _draw_weights(panels[row, 1], graph, weights[row])
    return save(figure, path)


def _draw_walk(panel, graph, walk, most):
    import networkx as nx

    panel.axis("off")
    if not walk:
        panel.text(0.5, 0.5, "no entity known, or none reached", ha="center")
        return
    drawn = nx.Graph()
    on_walk = [walk[0][0], *(tail for _, _, tail in walk)]
    for entity in dict.fromkeys(on_walk):
        for head, _, tail in graph.facts_of(entity, "out")[:most].tolist():
            drawn.add_edge(head, tail)
    drawn.add_edges_from((head, tail) for head, _, tail in walk)
    places = nx.spring_layout(drawn, seed=0)
    nx.draw_networkx_edges(drawn, places, ax=panel, edge_color="0.85")
    others = [node for node in drawn if node not in on_walk]
    nx.draw_networkx_nodes(drawn, places, others, node_size=12, node_color="0.7", ax=panel)
    colors = ["tab:blue"] + ["0.4"] * (len(on_walk) - 2) + ["tab:orange"]
    nx.draw_networkx_nodes(drawn, places, on_walk, node_size=60, node_color=colors, ax=panel)
    steps = {(head, tail): graph.relation_name(relation) for head, relation, tail in walk}
    nx.draw_networkx_edges(drawn, places, list(steps), width=2.5, ax=panel)
    nx.draw_networkx_edge_labels(drawn, places, steps, font_size=7, ax=panel)
    names = {node: graph.entity_name(node) for node in on_walk}
    nx.draw_networkx_labels(drawn, places, names, font_size=8, verticalalignment="bottom", ax=panel)


def _draw_weights(panel, graph, weights, shown=12):
    """Weights `(hops, relations)` of the relations that weigh most in any hop."""
    order = np.argsort(-weights.max(axis=0))[:shown]
    panel.imshow(weights[:, order], vmin=0, vmax=1, cmap="Blues", aspect="auto")
    names = [graph.relation_name(relation) for relation in order]
    panel.set_xticks(range(len(order)), names, rotation=35, ha="right", fontsize=7)
    panel.set_yticks(range(len(weights)), [f"hop {hop + 1}" for hop in range(len(weights))])
