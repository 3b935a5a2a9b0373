"""A toy world: a graph, texts that claim facts of it, and a small model over both."""

import keras
import numpy as np

from kgkeras import kg, layers, models, pipelines, scorers

NUM_ENTITIES, NUM_RELATIONS, VOCABULARY, LENGTH = 30, 3, 50, 10


def graph(seed=0):
    """Every entity is the head of one fact of each relation."""
    rng = np.random.default_rng(seed)
    head, relation = np.divmod(np.arange(NUM_ENTITIES * NUM_RELATIONS), NUM_RELATIONS)
    tail = rng.integers(0, NUM_ENTITIES, len(head))
    return kg.KnowledgeGraph(
        [f"e{i}" for i in range(NUM_ENTITIES)],
        [f"r{i}" for i in range(NUM_RELATIONS)],
        np.stack([head, relation, tail], axis=1).astype("int32"),
    )


def claims(facts, count=256, seed=1):
    """Encoded texts "relation head tail", true or false: `(inputs, labels)`."""
    rng = np.random.default_rng(seed)
    rows = facts.triples[rng.integers(0, facts.num_triples, count)]
    true = {tuple(row) for row in facts.triples.tolist()}
    tail = np.where(rng.random(count) < 0.5, rows[:, 2], rng.integers(0, NUM_ENTITIES, count))
    labels = np.array(
        [(h, r, t) in true for h, r, t in zip(rows[:, 0], rows[:, 1], tail, strict=True)]
    )
    words = rng.integers(4, LENGTH + 1, (count, 1))
    tokens = rng.integers(NUM_RELATIONS + 1, VOCABULARY, (count, LENGTH))
    tokens[:, 0] = rows[:, 1] + 1
    padding_mask = np.arange(LENGTH) < words
    entities = np.full((count, LENGTH), -1)
    entities[:, 1], entities[:, 3] = rows[:, 0], tail
    inputs = {
        "token_ids": np.where(padding_mask, tokens, 0).astype("int32"),
        "padding_mask": padding_mask,
        "entity_ids": entities.astype("int32"),
    }
    return inputs, labels.astype("int32")


def encoder(dim=16):
    """Word vectors, each by itself."""
    inputs = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }
    words = keras.layers.Embedding(VOCABULARY, dim, name="words")(inputs["token_ids"])
    return keras.Model(inputs, words, name="encoder")


def model(fusion=None, head=None, compiled=True, **arguments):
    """A joint model; text only where there is no fusion."""
    if fusion is not None:
        arguments["triples"] = layers.TripleEmbedding.from_sizes(NUM_ENTITIES, NUM_RELATIONS, 16)
        arguments["fusion"] = fusion
        arguments.setdefault("scorer", scorers.DistMult())
    head = head or layers.ClassificationHead(2, hidden_dim=16)
    joint = models.JointModel(encoder(), head, **arguments)
    if compiled:
        joint.compile(
            keras.optimizers.Adam(1e-2), head.loss(), metrics=[head.accuracy()], jit_compile=False
        )
    return joint


def fit(joint, facts, inputs, labels, epochs, *, first_epoch=0, batch_size=32, **arguments):
    """Stock `fit` on joint batches."""
    batches = pipelines.joint_batches(
        inputs, labels, facts, batch_size=batch_size, first_epoch=first_epoch, num_negatives=8
    )
    return joint.fit(
        batches,
        epochs=epochs,
        initial_epoch=first_epoch,
        steps_per_epoch=pipelines.steps_per_epoch(len(labels), batch_size),
        shuffle=False,
        verbose=0,
        **arguments,
    ).history
