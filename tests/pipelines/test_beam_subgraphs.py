"""TF-GNN's sampler on Beam's DirectRunner: what the sampler in memory gives."""

import collections

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf

from kgkeras.pipelines.beam_subgraphs import BeamSubgraphs
from kgkeras.pipelines.subgraph_examples import encode_subgraph, parse_subgraphs
from kgkeras.pipelines.subgraphs import SubgraphSampler
from tests.pipelines import graphs
from tests.pipelines.test_subgraphs import assert_complete, reference, rows

SIZES = {"hops": 2, "max_nodes": 60, "max_edges": 400}


def _write(item, folder):
    # A file each: Beam's own writer of records needs one more package.
    (folder / item[0].decode()).write_bytes(encode_subgraph(item))


@pytest.fixture
def run(tmp_path):
    """The sampled rows, written and read again, as a batch in the order of the examples."""

    def sample(graph, examples, **arguments):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        with beam.Pipeline("DirectRunner") as pipeline:
            keyed = [(b"%03d" % i, example) for i, example in enumerate(examples)]
            inputs = (
                pipeline | "Examples" >> beam.Create(keyed),
                pipeline | "Facts" >> beam.Create(graph.triples.tolist()),
            )
            rows = inputs | BeamSubgraphs(graph.num_relations, **arguments)
            _ = rows | "Write" >> beam.Map(_write, folder)
        written = [file.read_bytes() for file in folder.iterdir()]
        key, batch = parse_subgraphs(
            written,
            max_nodes=arguments["max_nodes"],
            max_edges=arguments["max_edges"],
            num_seeds=len(examples[0]["seeds"]),
        )
        order = np.argsort(key.numpy())
        assert key.numpy()[order].tolist() == [each for each, _ in keyed]
        return {name: value.numpy()[order] for name, value in batch.items()}

    return sample


def _in_memory(graph, examples, **arguments):
    seeds = np.array([example["seeds"] for example in examples], "int32")
    dropped = [example.get("dropped") or (-1, -1, -1) for example in examples]
    batch = SubgraphSampler(graph, **arguments)(seeds, (0, 1), np.array(dropped, "int32"))
    return {name: value.numpy() for name, value in batch.items()}


def test_the_same_as_in_memory_where_everything_fits(run):
    graph = graphs.skewed(80)
    graph = graph.with_triples(np.concatenate([graph.triples, graph.triples[:9]]))
    triples = [tuple(triple) for triple in graph.triples[:6].tolist()]
    triples += [(t, r + graph.num_relations, h) for h, r, t in triples[:3]]
    examples = [{"seeds": [h, t], "dropped": (h, r, t)} for h, r, t in triples]
    examples += [{"seeds": seeds} for seeds in ([-1, 3], [49, -1], [-1, -1], [2, 2])]
    batch = run(graph, examples, fan_out=200, **SIZES)
    memory = _in_memory(graph, examples, fan_out=200, **SIZES)
    assert batch.keys() == memory.keys()
    for name, value in memory.items():
        assert (batch[name].shape, batch[name].dtype) == (value.shape, value.dtype), name
    np.testing.assert_array_equal(batch["seed_node"], memory["seed_node"])
    for one, other in zip(rows(batch), rows(memory), strict=True):
        assert sorted(one[0]) == sorted(other[0])
        assert collections.Counter(one[1]) == collections.Counter(other[1])
    for some, known in ((slice(6), triples[:6]), (slice(9, None), None)):
        part = {name: value[some] for name, value in batch.items()}
        seeds = [example["seeds"] for example in examples[some]]
        assert_complete(part, graph, seeds, 2, known)


def test_narrow_subgraphs_are_part_of_the_whole(run):
    graph = graphs.skewed(400)
    examples = [{"seeds": [i, i + 1]} for i in range(8)]
    sizes = {"fan_out": (3, 2), "max_nodes": 7, "max_edges": 5}
    for inverses in (True, False):
        batch = run(graph, examples, inverses=inverses, **sizes)
        assert batch["source"].shape == (8, 5)
        for example, (entities, edges) in zip(examples, rows(batch), strict=True):
            distance, facts = reference(graph, example["seeds"], 2)
            assert entities[:2] == example["seeds"]
            assert set(entities) <= set(distance)
            assert len(entities) == 7
            assert len(set(edges)) == len(edges) == (4 if inverses else 5)
            assert set(edges[:: 2 if inverses else 1]) <= facts


@pytest.mark.parametrize("name", ["num_relations", "hops", "fan_out", "max_nodes", "max_edges"])
def test_numbers_that_are_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer"):
        BeamSubgraphs(**{"num_relations": 2, name: 0})


def test_other_widths_are_refused():
    row = {name: np.zeros(4, "int32") for name in ("source", "target", "relation", "seed_node")}
    written = [encode_subgraph((b"key", {"entity": np.zeros(3, "int32"), **row}))]
    widths = {"max_nodes": 3, "max_edges": 4, "num_seeds": 4}
    assert parse_subgraphs(written, **widths)[0].numpy().tolist() == [b"key"]
    for name in widths:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Key: "):
            parse_subgraphs(written, **{**widths, name: 5})
