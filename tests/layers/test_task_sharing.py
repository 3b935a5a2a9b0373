"""Ways of sharing a reader: each against the plain formula, and what routing learns."""

import keras
import numpy as np
import pytest
from keras import ops

from kgkeras import layers
from kgkeras.ops.joined_rows import join_rows, split_rows
from kgkeras.ops.routing import load_balance, mixed_experts, top_gates

DIM = 6


class Trunk(keras.Model):
    """Vectors of words, each by itself, so that what others read beside them does not matter."""

    def __init__(self, seed=0):
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="bool", name="padding_mask")
        table = keras.layers.Embedding(9, DIM, embeddings_initializer=uniform(seed))
        super().__init__({"token_ids": token_ids, "padding_mask": padding_mask}, table(token_ids))


def uniform(seed):
    return keras.initializers.RandomUniform(-1, 1, seed=seed)


def expert(seed):
    return keras.layers.Dense(DIM, activation="tanh", kernel_initializer=uniform(seed))


def texts(rows, words, seed):
    rng = np.random.default_rng(seed)
    mask = np.arange(words) < rng.integers(1, words + 1, (rows, 1))
    return {"token_ids": np.where(mask, rng.integers(1, 9, (rows, words)), 0), "padding_mask": mask}


@pytest.fixture
def inputs():
    return {"a": texts(3, 5, 0), "b": texts(2, 7, 1), "c": texts(0, 4, 2)}


def pooled(words, mask):
    mask = mask[..., None].astype(float)
    return (words * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def test_rows_joined_and_split_again():
    parts = [texts(3, 5, 0), texts(0, 9, 1), texts(2, 7, 2)]
    for part in parts:
        part["entity_ids"] = np.where(part["padding_mask"], part["token_ids"], -1)
    joined = join_rows(parts)
    assert joined["token_ids"].shape == (5, 9)
    assert not numpy(joined["padding_mask"])[:3, 5:].any()
    assert (numpy(joined["entity_ids"])[~numpy(joined["padding_mask"])] == -1).all()
    masks = [part["padding_mask"] for part in parts]
    for name in parts[0]:
        for part, again in zip(parts, split_rows(joined[name][..., None], masks), strict=True):
            np.testing.assert_array_equal(numpy(again)[..., 0], part[name])


def test_hard_sharing_is_one_trunk(inputs):
    trunk = Trunk()
    words = layers.HardSharing(trunk)(inputs)
    for task, of_task in inputs.items():
        np.testing.assert_allclose(words[task], trunk(of_task), atol=1e-6)


def test_soft_sharing_counts_every_pair(inputs):
    trunks = {task: Trunk(seed) for seed, task in enumerate(inputs)}
    sharing = layers.SoftSharing(trunks, weight=0.5)
    words = sharing(inputs, training=True)
    np.testing.assert_allclose(words["b"], trunks["b"](inputs["b"]), atol=1e-6)
    tables = [numpy(trunk.weights[0]) for trunk in trunks.values()]
    distance = sum(((tables[i] - tables[j]) ** 2).sum() for i in range(3) for j in range(i))
    assert float(sharing.losses[0]) == pytest.approx(0.5 * distance, rel=1e-5)
    sharing(inputs)
    assert not sharing.losses


def test_soft_sharing_wants_equal_trunks(inputs):
    small = Trunk()
    wide = keras.layers.Dense(2)(small.output)
    with pytest.raises(ValueError, match="must have weights of the same shapes"):
        layers.SoftSharing({"a": Trunk(), "b": keras.Model(small.input, wide), "c": Trunk()})(
            inputs
        )


def test_cross_stitch(inputs):
    stacks = {task: [Trunk(seed), expert(seed)] for seed, task in enumerate(inputs)}
    sharing = layers.CrossStitchSharing(stacks, own=0.8)
    sharing(inputs)
    np.testing.assert_allclose(numpy(sharing.mixtures[0]).sum(axis=1), 1, rtol=1e-6)
    rng = np.random.default_rng(0)
    mixtures = [rng.normal(size=(3, 3)) for _ in range(2)]
    for variable, value in zip(sharing.mixtures, mixtures, strict=True):
        variable.assign(value)
    words = sharing(inputs)
    for place, task in enumerate(inputs):
        level = np.stack([numpy(stack[0](inputs[task])) for stack in stacks.values()])
        level = np.tensordot(mixtures[0], level, 1)
        level = [
            numpy(s[1](w.astype("float32"))) for s, w in zip(stacks.values(), level, strict=False)
        ]
        wanted = np.tensordot(mixtures[1], np.stack(level), 1)[place]
        np.testing.assert_allclose(words[task], wanted, atol=1e-5)
    with pytest.raises(ValueError, match="must be equally high"):
        layers.CrossStitchSharing({"a": [Trunk()], "b": [Trunk(), expert(0)]})


@pytest.mark.parametrize("top_k", [None, 1, 2])
def test_experts(inputs, top_k):
    trunk, experts = Trunk(), [expert(seed) for seed in range(3)]
    sharing = layers.ExpertSharing(trunk, experts, inputs, top_k=top_k)
    words = sharing(inputs)
    gates_of = sharing.gates_of(inputs)
    for task, of_task in inputs.items():
        read = numpy(trunk(of_task))
        gates = softmax(pooled(read, of_task["padding_mask"]) @ numpy(sharing.gates[task].kernel))
        kept = np.sort(gates, axis=1)[:, -(top_k or 3)][:, None] <= gates
        gates = gates * kept
        if top_k != 1:
            gates = gates / gates.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(gates_of[task], gates, atol=1e-5)
        wanted = sum(
            g[:, None, None] * numpy(e(read)) for g, e in zip(gates.T, experts, strict=False)
        )
        np.testing.assert_allclose(words[task], wanted, atol=1e-5)


def test_dispatch_equals_all_experts_on_all_rows():
    rng = np.random.default_rng(0)
    experts, rows = [expert(seed) for seed in range(4)], rng.normal(size=(10, 3, DIM))
    gates = numpy(top_gates(softmax(rng.normal(size=(10, 4))).astype("float32"), 2))
    gates[:, 3] = 0  # an expert that nobody asks
    rows = rows.astype("float32")
    sparse, dense = (mixed_experts(experts, rows, gates, sparse=s) for s in (True, False))
    np.testing.assert_allclose(sparse, dense, atol=1e-6)


def test_load_balance():
    even = np.full((8, 4), 0.25, "float32")
    gates = np.tile(np.eye(4, dtype="float32"), (2, 1))
    assert float(load_balance(even, gates)) == pytest.approx(1.0)
    one = np.tile([[1.0, 0, 0, 0]], (8, 1)).astype("float32")
    assert float(load_balance(one, one)) == pytest.approx(4.0)
    assert float(load_balance(even[:0], gates[:0])) == 0


def test_progressive(inputs):
    trunk = Trunk()
    levels = [
        {task: [expert(10 * level + i)] for i, task in enumerate(("shared", *inputs))}
        for level in range(2)
    ]
    sharing = layers.ProgressiveSharing(trunk, levels)
    words = sharing(inputs)
    for task, of_task in inputs.items():
        mask, read = of_task["padding_mask"], numpy(trunk(of_task))
        streams = dict.fromkeys(("shared", *inputs), read)
        for level, gates in zip(levels, sharing.gates, strict=True):
            said = {name: numpy(level[name][0](streams[name])) for name in streams}
            after = {}
            for name in gates:
                seen = list(said.values()) if name == "shared" else [said[name], said["shared"]]
                weights = softmax(pooled(streams[name], mask) @ numpy(gates[name].kernel))
                after[name] = sum(
                    w[:, None, None] * s for w, s in zip(weights.T, seen, strict=False)
                )
            streams = after
        np.testing.assert_allclose(words[task], streams[task], atol=1e-5)
    with pytest.raises(ValueError, match="must be dicts of the same names"):
        layers.ProgressiveSharing(trunk, [{"a": [expert(0)]}])


class Kinds(keras.layers.Layer):
    """Two kinds of texts: the first word says which, the others are numbers."""

    dim = 3

    def call(self, inputs):
        kind = ops.cast(inputs["token_ids"][:, :1], "float32")
        number = ops.cast(inputs["token_ids"][:, 1:], "float32") / 8
        return ops.stack([ops.concatenate([1 - kind, kind, number], axis=-1)], axis=1)


@pytest.mark.slow
def test_routing_sends_each_kind_to_its_own_expert():
    """Linear experts: the two kinds want opposite functions of the number."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    experts = [keras.layers.Dense(1) for _ in range(2)]
    sharing = layers.ExpertSharing(Kinds(), experts, ["task"], top_k=1, balance=0.1)
    optimizer = keras.optimizers.Adam(0.03)

    def batch():
        kind, number = rng.integers(0, 2, 64), rng.integers(0, 9, 64)
        tokens = np.stack([kind, number], axis=1).astype("int32")
        inputs = {"token_ids": tokens, "padding_mask": np.ones((64, 1), bool)}
        return kind, {"task": inputs}, (np.where(kind, 3 - 2 * number, number) / 8)[:, None, None]

    for _ in range(500):
        _, inputs, wanted = batch()
        with tf.GradientTape() as tape:
            words = sharing(inputs, training=True)["task"]
            loss = ops.mean(ops.square(words - wanted.astype("float32"))) + sum(sharing.losses)
        optimizer.apply(
            tape.gradient(loss, sharing.trainable_variables), sharing.trainable_variables
        )
    kind, inputs, wanted = batch()
    chosen = numpy(ops.argmax(sharing.gates_of(inputs)["task"], axis=-1))
    assert len(set(chosen[kind == 0])) == len(set(chosen[kind == 1])) == 1
    assert chosen[kind == 0][0] != chosen[kind == 1][0]
    np.testing.assert_allclose(sharing(inputs)["task"], wanted, atol=0.05)
