"""Batches under a strategy of two replicas, in a process that may still make one."""

from tests.processes import output

SCRIPT = """
import numpy as np
from kgkeras import pipelines, training
strategy = training.make_strategy(2)
from tests.pipelines import graphs

graph = graphs.skewed()
common = {"batch_size": 16, "num_negatives": 6, "filtered": True, "subsampling": True}

def error(function, **arguments):
    try:
        function(graph, **arguments)
    except ValueError as problem:
        return str(problem)

def halves(value):
    return [np.asarray(half) for half in strategy.experimental_local_results(value)]

with strategy.scope():
    for arguments in ({}, {"chunk_size": 4}):
        dataset = pipelines.sampled_batches(graph, **common, **arguments)
        whole = graphs.take(dataset, 1)[0]
        split = next(iter(strategy.experimental_distribute_dataset(dataset)))
        for name in whole:
            assert len({half.shape for half in halves(split[name])}) == 1, name
            np.testing.assert_array_equal(np.concatenate(halves(split[name])), whole[name])
        assert len(whole["negatives"]) == (4 if arguments else 2)
    print(error(pipelines.sampled_batches, **common, chunk_size=16))
    print(error(pipelines.sampled_batches, **{**common, "batch_size": 15}))
    print(error(pipelines.one_vs_all_batches, batch_size=15))
    print(error(pipelines.query_batches, batch_size=15))
"""


def test_two_replicas_share_every_batch():
    chunks, *batches = output(SCRIPT).splitlines()
    assert chunks == (
        "`chunk_size` must divide a replica's share of the batch, 16 triples over 2 replicas. "
        "Received: 16."
    )
    assert (
        batches
        == ["`batch_size` must be a multiple of the number of replicas, 2. Received: 15."] * 3
    )
