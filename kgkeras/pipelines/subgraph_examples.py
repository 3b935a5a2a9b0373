"""Padded subgraphs as `tf.train.Example`s: sampled once with Beam, read while a model trains."""

import tensorflow as tf

_KEY, _SEED_NODE = "key", "seed_node"


def encode_subgraph(item):
    """One subgraph as a serialized `tf.train.Example`.

    Args:
        item: What `BeamSubgraphs` gives: a pair of the example's key (bytes) and its dict.

    Returns:
        Bytes, as `beam.io.WriteToTFRecord` takes them (which needs `apache-beam[tfrecord]`).
    """
    key, subgraph = item
    example = tf.train.Example()
    example.features.feature[_KEY].bytes_list.value.append(key)
    for name, values in subgraph.items():
        example.features.feature[name].int64_list.value.extend(values.tolist())
    return example.SerializeToString()


def parse_subgraphs(serialized, *, max_nodes, max_edges, num_seeds):
    """Reads a batch of what `encode_subgraph` wrote.

    Args:
        serialized: String tensor `(batch,)`.
        max_nodes: The width that the nodes were sampled with.
        max_edges: The same of edges.
        num_seeds: Number of an example's seeds, with those that are negative.

    Returns:
        A string tensor `(batch,)` of keys, and the dict that `SubgraphSampler` returns.

    Raises:
        tf.errors.InvalidArgumentError: If an example is damaged or has other widths.
    """
    widths = {"entity": max_nodes, **dict.fromkeys(("source", "target", "relation"), max_edges)}
    widths[_SEED_NODE] = num_seeds
    features = {name: tf.io.FixedLenFeature([width], tf.int64) for name, width in widths.items()}
    features[_KEY] = tf.io.FixedLenFeature([], tf.string)
    parsed = tf.io.parse_example(serialized, features)
    key = parsed.pop(_KEY)
    return key, {name: tf.cast(value, tf.int32) for name, value in parsed.items()}
