"""Random graphs, the layers under test, and their formulas edge by edge in NumPy."""

import dataclasses
from collections.abc import Callable

import numpy as np

from kgkeras.graph import layers

DIM, UNITS, RELATIONS = 6, 4, 6


def graph(rng, num_nodes, num_edges):
    """States `(nodes, DIM)` and edges of one flat graph; the last node is isolated."""
    nodes = rng.normal(size=(num_nodes, DIM)).astype("float32")
    connected = max(num_nodes - 1, 1)
    edges = {
        "source": rng.integers(0, connected, num_edges).astype("int32"),
        "target": rng.integers(0, connected, num_edges).astype("int32"),
        "relation": rng.integers(0, RELATIONS, num_edges).astype("int32"),
    }
    return nodes, edges


def padded(graphs, num_nodes, num_edges, rng):
    """A padded batch; padding nodes and edges hold nonsense, edges at random places."""
    nodes = rng.normal(size=(len(graphs), num_nodes, DIM)).astype("float32") * 1e3
    shape = (len(graphs), num_edges)
    edges = {
        "source": np.full(shape, -1, "int32"),
        "target": rng.integers(-1, num_nodes, shape).astype("int32"),
        "relation": rng.integers(-1, RELATIONS, shape).astype("int32"),
    }
    for row, (states, flat) in enumerate(graphs):
        nodes[row, : len(states)] = states
        places = rng.choice(num_edges, len(flat["source"]), replace=False)
        for name in edges:
            edges[name][row, places] = flat[name]
    return nodes, edges


def relations(rng):
    return rng.normal(size=(RELATIONS, DIM)).astype("float32")


def weights_of(layer):
    return {weight.name: np.asarray(weight, "float64") for weight in layer.weights}


def _triples(edges):
    return list(zip(edges["source"], edges["relation"], edges["target"], strict=True))


def _factor(edges, normalization, source, target, loops=0):
    incoming = sum(t == target for t in edges["target"]) + loops
    if normalization == "row":
        return 1 / incoming
    if normalization == "symmetric":
        outgoing = sum(s == source for s in edges["source"]) + loops
        return 1 / np.sqrt(incoming * outgoing)
    return 1.0


def graph_conv(layer, nodes, edges, _):
    weights, loops = weights_of(layer), int(layer.self_loops)
    ends = [(s, t) for s, _, t in _triples(edges)] + [(i, i) for i in range(len(nodes))] * loops
    result = np.zeros((len(nodes), layer.units)) + weights["bias"]
    for source, target in ends:
        factor = _factor(edges, layer.normalization, source, target, loops)
        result[target] += factor * nodes[source] @ weights["kernel"]
    return result


def relational_graph_conv(layer, nodes, edges, _):
    weights = weights_of(layer)
    if layer.num_bases is None:
        kernels = weights["kernels"]
    else:
        kernels = np.einsum("rb,bpij->rpij", weights["coefficients"], weights["bases"])
    result = nodes @ weights["self_kernel"] + weights["bias"]
    triples = _triples(edges)
    for source, relation, target in triples:
        number = sum(r == relation and t == target for _, r, t in triples)
        parts = np.split(nodes[source], kernels.shape[1])
        message = [part @ block for part, block in zip(parts, kernels[relation], strict=True)]
        result[target] += np.concatenate(message) / number
    return result


def _compose(composition, state, vector):
    if composition == "corr":
        return np.array([state @ np.roll(vector, -k) for k in range(len(state))])
    return state - vector if composition == "sub" else state * vector


def comp_graph_conv(layer, nodes, edges, vectors):
    weights = weights_of(layer)
    result = np.zeros((len(nodes), layer.units)) + weights["bias"]
    for i, state in enumerate(nodes):
        composed = _compose(layer.composition, state, weights["loop_relation"][0])
        result[i] += composed @ weights["loop_kernel"]
    for source, relation, target in _triples(edges):
        kernel = weights["in_kernel" if relation < RELATIONS // 2 else "out_kernel"]
        composed = _compose(layer.composition, nodes[source], vectors[relation])
        factor = _factor(edges, layer.normalization, source, target)
        result[target] += factor * composed @ kernel
    return result


def attention_weights(layer, nodes, edges):
    """The attention `(edges, heads)`, and the values `(edges, heads, head_dim)`."""
    weights, heads = weights_of(layer), layer.num_heads
    logits, values = [], []
    for source, relation, target in _triples(edges):
        query = nodes[target] @ weights["query_kernel"]
        key = nodes[source] @ weights["key_kernel"] + weights["relation_keys"][relation]
        value = nodes[source] @ weights["value_kernel"] + weights["relation_values"][relation]
        query, key, value = (x.reshape(heads, -1) for x in (query, key, value))
        logits.append((query * key).sum(axis=-1) / np.sqrt(key.shape[-1]))
        values.append(value)
    powers = np.exp(np.reshape(logits, (-1, heads)))
    total = [powers[edges["target"] == target].sum(axis=0) for target in edges["target"]]
    return powers / np.reshape(total, (-1, heads)), np.array(values)


def relational_graph_attention(layer, nodes, edges, _):
    weights = weights_of(layer)
    result = nodes @ weights["self_kernel"] + weights["bias"]
    attention, values = attention_weights(layer, nodes, edges)
    for edge, target in enumerate(edges["target"]):
        result[target] += (attention[edge][:, None] * values[edge]).ravel()
    return result


@dataclasses.dataclass(frozen=True)
class Case:
    make: Callable
    formula: Callable
    num_weights: int
    uses_relations: bool = False

    def call(self, layer, nodes, edges, vectors, **kwargs):
        """The new states of the nodes."""
        if self.uses_relations:
            return layer(nodes, edges, vectors, **kwargs)[0]
        return layer(nodes, edges, **kwargs)


def _case(kind, formula, num_weights, uses_relations=False, **arguments):
    def make(**more):
        return kind(**{"units": UNITS, **arguments, **more})

    return Case(make, formula, num_weights, uses_relations)


def _conv(**arguments):
    return _case(layers.GraphConv, graph_conv, 2, **arguments)


def _rgcn(num_weights, **arguments):
    arguments = {"num_relations": RELATIONS, **arguments}
    return _case(layers.RelationalGraphConv, relational_graph_conv, num_weights, **arguments)


def _comp(**arguments):
    return _case(layers.CompGraphConv, comp_graph_conv, 6, True, **arguments)


def _attention(num_heads):
    arguments = {"num_heads": num_heads, "num_relations": RELATIONS}
    return _case(layers.RelationalGraphAttention, relational_graph_attention, 7, False, **arguments)


CASES = {
    "conv": _conv(),
    "conv row": _conv(normalization="row"),
    "conv plain": _conv(normalization=None, self_loops=False),
    "conv loopless": _conv(self_loops=False),
    "conv wide": _conv(units=9),
    "rgcn free": _rgcn(3),
    "rgcn bases": _rgcn(4, num_bases=2),
    "rgcn blocks": _rgcn(3, num_blocks=2),
    "comp sub": _comp(),
    "comp mult": _comp(composition="mult", normalization="row"),
    "comp corr": _comp(composition="corr", normalization=None),
    "comp sub row": _comp(normalization="row"),
    "comp sub plain": _comp(normalization=None),
    "attention": _attention(1),
    "attention heads": _attention(2),
}
