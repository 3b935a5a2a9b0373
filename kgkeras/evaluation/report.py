"""A report of link prediction in a folder: Markdown, JSON and plots."""

import json
import pathlib

from kgkeras.evaluation.rank_plots import plot_calibration, plot_categories, plot_relations

_COLUMNS = ("mrr", "hits@1", "hits@3", "hits@10", "mr", "amri")


def write_report(
    ranks, folder, *, graph=None, train=None, reliability=None, classification=None, title="Ranks"
):
    """Writes `report.md`, `report.json` and plots.

    Args:
        ranks: What `rank` returned.
        folder: Where the files go; made if absent.
        graph: `kg.KnowledgeGraph` or `kg.Splits` that knows the relations' names; None asks
            `train`, and shows ids where that is no graph.
        train: Training graph or triples, for the categories of relations and the number of
            triples with unseen entities; None leaves both out.
        reliability: `Reliability` of the model's probabilities, or None.
        classification: `TripleClassification`, or None.
        title: Headline of the report.

    Returns:
        Path of `report.md`.

    Raises:
        ImportError: If matplotlib is missing.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    by_relation = ranks.by_relation()
    names = _relation_names(train if graph is None else graph, by_relation)
    content = {"triples": len(ranks), "metrics": ranks.metrics()}
    plots = [plot_relations(by_relation, names, folder / "relations.png")]
    if train is not None:
        content["unseen"] = ranks.unseen(train)
        content["categories"] = ranks.by_category(train)
        plots.append(plot_categories(content["categories"], folder / "categories.png"))
    if classification is not None:
        content["classification"] = classification.metrics()
    if reliability is not None:
        content["calibration"] = reliability.metrics()
        plots.append(plot_calibration(reliability, folder / "calibration.png"))
    content["relations"] = [
        {"relation": relation, "name": names[relation], **figures}
        for relation, figures in by_relation.items()
    ]
    (folder / "report.json").write_text(
        json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    path = folder / "report.md"
    path.write_text(_markdown(title, content, plots), encoding="utf-8")
    return path


def _relation_names(graph, relations):
    graph = getattr(graph, "train", graph)
    if not hasattr(graph, "relation_name"):
        return {relation: f"relation {relation}" for relation in relations}
    return {relation: graph.relation_name(relation) for relation in relations}


def _markdown(title, content, plots):
    metrics = content["metrics"]
    sides = {"all": "", "tail": "tail_", "head": "head_"}
    rows = [
        (name, [metrics[prefix + column] for column in _COLUMNS])
        for name, prefix in sides.items()
        if f"{prefix}mrr" in metrics
    ]
    lines = [f"# {title}", "", _ranked(content), "", *_table("side", _COLUMNS, rows), ""]
    lines += [
        "MRR if ties were always won: "
        f"{_number(metrics['optimistic_mrr'])}; always lost: {_number(metrics['pessimistic_mrr'])}."
    ]
    for name, heading in (
        ("categories", "Kinds of relations"),
        ("relations", "Relations"),
        ("classification", "Triple classification"),
        ("calibration", "Calibration"),
    ):
        if name in content:
            lines += ["", f"## {heading}", "", *_section(name, content[name])]
    lines += ["", *(f"![{path.stem}]({path.name})" for path in plots)]
    return "\n".join(lines) + "\n"


def _ranked(content):
    text = f"{content['triples']:,} triples"
    if "unseen" in content:
        text += f", {content['unseen']:,} of them with an entity that training has not seen"
    return f"{text}; ties count as the mean."


def _section(name, figures):
    if name in ("classification", "calibration"):
        return _table("figure", ("value",), [(key, [value]) for key, value in figures.items()])
    columns = ("triples", *_COLUMNS)
    if name == "categories":
        rows = [(key, [row[c] for c in columns]) for key, row in figures.items()]
    else:
        most = sorted(figures, key=lambda row: -row["triples"])
        rows = [(row["name"], [row[c] for c in columns]) for row in most]
    return _table("kind" if name == "categories" else "relation", columns, rows)


def _table(first, columns, rows):
    yield f"| {first} | {' | '.join(columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for name, values in rows:
        # A bar in a name would end the cell.
        cell = name.replace("|", "\\|")
        yield f"| {cell} | {' | '.join(_number(value) for value in values)} |"


def _number(value):
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.4f}"
