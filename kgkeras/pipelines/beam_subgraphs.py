"""Subgraphs of graphs that outgrow memory, sampled with TF-GNN and Apache Beam.

Nothing else imports this file: it needs Beam, which takes seconds to load.
"""

import dataclasses

import apache_beam as beam
import numpy as np
import tensorflow as tf

from kgkeras.checks import positive_int
from kgkeras.graph.bridge import import_module
from kgkeras.kg.inverse import inverse_relation
from kgkeras.pipelines.subgraphs import checked_fan_out

_SAMPLER = "tensorflow_gnn.experimental.sampler"
_SOURCE, _TARGET, _RELATION = "#source", "#target", "relation"
_ALL = 2**31 - 1


class BeamSubgraphs(beam.PTransform):
    """Samples for each example what `SubgraphSampler` samples, with facts in a `PCollection`.

    The two agree, up to the order of nodes at the same distance and of edges, where `fan_out` takes
    all facts and everything fits.

    Args:
        num_relations: Number of relations, without inverses.
        hops: As in `SubgraphSampler`, like all that follow.
        fan_out: Most facts of an entity.
        max_nodes: Width of the nodes.
        max_edges: Width of the edges.
        inverses: Whether to add the inverse of each fact.

    Call arguments:
        inputs: Tuple of two `PCollection`s. Examples are pairs of a unique key (bytes) and a dict
            with `seeds`, a sequence of entities, negative where there is none, and perhaps
            `dropped`, a triple to leave out. Facts are triples of integers.

    Returns:
        `PCollection` of pairs of the key and the dict that `SubgraphSampler` returns, of one row:
        int32 arrays without the batch axis.

    Raises:
        ValueError: If a number is not positive.
    """

    def __init__(
        self, num_relations, *, hops=2, fan_out=16, max_nodes=200, max_edges=800, inverses=True
    ):
        super().__init__()
        self._num_relations = positive_int("num_relations", num_relations)
        self._fan_out = checked_fan_out(fan_out, positive_int("hops", hops))
        self._max_nodes = positive_int("max_nodes", max_nodes)
        self._max_edges = positive_int("max_edges", max_edges)
        self._inverses = inverses

    def expand(self, inputs):
        samplers = import_module(f"{_SAMPLER}.beam.edge_samplers")
        examples, facts = inputs
        edges = (
            facts
            | "Triples" >> beam.Map(lambda fact: tuple(map(int, fact)))
            | "Distinct" >> beam.Distinct()
            | "Edges" >> beam.FlatMap(_edges, self._num_relations)
        )
        subgraphs = examples | "Start" >> beam.Map(_start, self._max_nodes)
        for hop, fan_out in enumerate(self._fan_out):
            frontiers = subgraphs | f"Frontier{hop}" >> beam.Map(_frontier)
            layer = _layer(hop, fan_out)
            taken = (frontiers, edges) | f"Sample{hop}" >> samplers.UniformEdgesSampler(layer)
            subgraphs = (
                {"subgraph": subgraphs, "taken": taken}
                | f"Join{hop}" >> beam.CoGroupByKey()
                | f"Grow{hop}" >> beam.Map(_grow, self._num_relations, self._max_nodes)
            )
        return subgraphs | "Pad" >> beam.Map(
            _padded, self._num_relations, self._max_nodes, self._max_edges, self._inverses
        )


@dataclasses.dataclass
class _Subgraph:
    """What an example has reached.

    Args:
        seeds: The entities it started from, as they were given.
        dropped: A triple, or None.
        nodes: The number of each entity.
        facts: The distinct triples that fit, in the order in which they came.
        frontier: The entities reached last.
    """

    seeds: list
    dropped: tuple | None
    nodes: dict
    facts: dict
    frontier: list


def _edges(fact, num_relations):
    """A fact as each of its ends sees it, in the form of TF-GNN's tables of edges."""
    head, relation, tail = fact
    yield _edge(head, relation, tail)
    if head != tail:
        yield _edge(tail, inverse_relation(relation, num_relations), head)


def _edge(source, relation, target):
    example = tf.train.Example()
    for name, value in ((_SOURCE, source), (_RELATION, relation), (_TARGET, target)):
        example.features.feature[name].int64_list.value.append(value)
    return example


def _layer(hop, fan_out):
    """The sampler's configuration: from a row of entities to rows of edges."""
    protos = import_module(f"{_SAMPLER}.proto.eval_dag_pb2")
    config = protos.EdgeSamplingConfig(
        edge_set_name="fact", sample_size=fan_out or _ALL, edge_target_feature_name=_TARGET
    )
    config.edge_feature_names.feature_names.extend((_SOURCE, _TARGET, _RELATION))
    layer = protos.Layer(id=f"facts{hop}", type="UniformEdgesSampler")
    layer.config.Pack(config)
    for _ in range(3):
        rows = layer.outputs.add().ragged_tensor
        rows.dtype = rows.row_splits_dtype = tf.int64.as_datatype_enum
        rows.ragged_rank = 1
        rows.shape.CopyFrom(tf.TensorShape([None, None]).as_proto())
    return layer


def _start(item, max_nodes):
    key, example = item
    seeds = [int(seed) for seed in example["seeds"]]
    dropped = example.get("dropped")
    nodes = {}
    for seed in seeds:
        if seed >= 0:
            nodes.setdefault(seed, len(nodes))
    frontier = list(nodes)[:max_nodes]
    dropped = None if dropped is None else tuple(int(part) for part in dropped)
    return key, _Subgraph(seeds, dropped, nodes, {}, frontier)


def _frontier(item):
    """The form of a row of a ragged tensor: its values and its length."""
    key, subgraph = item
    length = np.array([len(subgraph.frontier)], "int64")
    return key, [[np.array(subgraph.frontier, "int64"), length]]


def _grow(item, num_relations, max_nodes):
    key, parts = item
    (subgraph,), (taken,) = parts["subgraph"], parts["taken"]
    nodes, facts = dict(subgraph.nodes), dict(subgraph.facts)
    # The sampler sorts its outputs by name.
    source, target, relation = (values[0].tolist() for values in taken)
    for each in zip(source, relation, target, strict=True):
        head, between, tail = triple = _forward(each, num_relations)
        if subgraph.dropped in (triple, (tail, inverse_relation(between, num_relations), head)):
            continue
        for end in (head, tail):
            nodes.setdefault(end, len(nodes))
        if max(nodes[head], nodes[tail]) < max_nodes:
            facts.setdefault(triple)
    frontier = list(nodes)[len(subgraph.nodes) : max_nodes]
    return key, dataclasses.replace(subgraph, nodes=nodes, facts=facts, frontier=frontier)


def _forward(edge, num_relations):
    """The fact behind an edge."""
    source, relation, target = edge
    inverse = inverse_relation(relation, num_relations)
    return edge if relation < inverse else (target, inverse, source)


def _padded(item, num_relations, max_nodes, max_edges, inverses):
    key, subgraph = item
    nodes = subgraph.nodes
    edges = []
    for head, relation, tail in list(subgraph.facts)[: max_edges // (2 if inverses else 1)]:
        edges.append((nodes[head], nodes[tail], relation))
        if inverses:
            edges.append((nodes[tail], nodes[head], inverse_relation(relation, num_relations)))
    source, target, relation = zip(*edges, strict=True) if edges else ((), (), ())
    numbers = [nodes.get(seed, -1) for seed in subgraph.seeds]
    return key, {
        "entity": _row(list(nodes)[:max_nodes], max_nodes),
        "source": _row(source, max_edges),
        "target": _row(target, max_edges),
        "relation": _row(relation, max_edges),
        "seed_node": np.array([n if n < max_nodes else -1 for n in numbers], "int32"),
    }


def _row(values, width):
    row = np.full(width, -1, "int32")
    row[: len(values)] = values
    return row
