"""Four small tasks on one graph, for tests of models that learn several."""

import keras
import numpy as np
import tensorflow as tf

from kgkeras import kg, layers, losses, metrics, models, optimizers, pipelines, scorers
from kgkeras.text.token_embedding import TokenEmbedding

NAMES = ("truth", "questions", "language", "graph")
READING = NAMES[:3]
TOKENS, ENTITIES, RELATIONS, DIM = 30, 12, 3, 8
LOSSES = {
    "truth": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "questions": losses.AnswerLoss,
    "language": losses.HiddenTokenLoss,
    "graph": losses.NegativeSamplingLoss,
}
METRICS = {
    "truth": [keras.metrics.SparseCategoricalAccuracy],
    "questions": [metrics.AnswerAccuracy],
    "language": [metrics.HiddenTokenAccuracy],
}


def graph():
    triples = np.random.default_rng(0).integers(0, [ENTITIES, RELATIONS, ENTITIES], (60, 3))
    names = [f"e{i}" for i in range(ENTITIES)], [f"r{i}" for i in range(RELATIONS)]
    return kg.KnowledgeGraph(*names, np.unique(triples, axis=0).astype("int32"))


def examples(task, size, seed=0):
    """Inputs and labels of a task."""
    rng = np.random.default_rng([seed, NAMES.index(task)])
    if task == "graph":
        x = {
            "triples": rng.integers(0, [ENTITIES, RELATIONS, ENTITIES], (size, 2, 3)).astype(
                "int32"
            ),
            "negatives": rng.integers(0, ENTITIES, (size, 4)).astype("int32"),
        }
        y = np.zeros((size, 2, 2, 5), "float32")
        y[..., 0] = 1
        return x, y
    words = 5 + NAMES.index(task)
    mask = np.arange(words) < rng.integers(2, words + 1, (size, 1))
    tokens = np.where(mask, rng.integers(1, TOKENS, (size, words)), 0).astype("int32")
    linked = mask & (rng.random((size, words)) < 0.4)
    entities = np.where(linked, rng.integers(0, ENTITIES, (size, words)), -1).astype("int32")
    x = {"token_ids": tokens, "padding_mask": mask, "entity_ids": entities}
    if task == "truth":
        return x, rng.integers(0, 2, size).astype("int32")
    if task == "questions":
        # Different answers, the second of which may be missing.
        first = rng.integers(0, ENTITIES, size)
        second = np.where(rng.random(size) < 0.5, (first + 1) % ENTITIES, -1)
        return x, np.stack([first, second], axis=1).astype("int32")
    x["mask_positions"] = np.tile([[0, 1]], (size, 1)).astype("int32")
    return x, tokens[:, :2] if size else np.zeros((0, 2), "int32")


def streams(batch_size=8):
    """An endless stream of each task."""
    made = {
        task: tf.data.Dataset.from_tensor_slices(examples(task, 32)).repeat().batch(batch_size)
        for task in READING
    }
    made["graph"] = pipelines.graph_task_batches(
        graph(), batch_size=2 * batch_size, num_negatives=4, chunk_size=2
    )
    return made


@keras.saving.register_keras_serializable("tests")
class Reader(keras.Model):
    """A small encoder that is quick to trace: the vectors of tokens, and one layer."""

    def __init__(self, **kwargs):
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="bool", name="padding_mask")
        embedding = TokenEmbedding(TOKENS, DIM, name="token_embedding")
        words = keras.layers.Dense(DIM, activation="tanh", name="dense")(embedding(token_ids))
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        super().__init__(inputs, words, **kwargs)

    @property
    def token_embedding(self):
        return self.get_layer("token_embedding")

    def get_config(self):
        return {"name": self.name}


class Parts:
    """What models of these tasks are made of; each `model` uses the same tables."""

    def __init__(self):
        self.triples = layers.TripleEmbedding.from_sizes(ENTITIES, RELATIONS, DIM)
        self.triples.build()
        self.scorer = scorers.DistMult(name="scorer")

    def trunk(self):
        self.encoder = Reader()
        return models.FusedEncoder(self.encoder, self.triples.entities, layers.SumFusion())

    def expert(self):
        return keras.layers.Dense(DIM, activation="tanh")

    def sharing(self, kind, names):
        if kind == "soft":
            return layers.SoftSharing({name: self.trunk() for name in names})
        if kind == "stitch":
            return layers.CrossStitchSharing({n: [self.trunk(), self.expert()] for n in names})
        if kind == "routed":
            experts = [self.expert() for _ in range(3)]
            return layers.ExpertSharing(self.trunk(), experts, names, top_k=2)
        if kind == "progressive":
            levels = [{n: [self.expert()] for n in ("shared", *names)} for _ in range(2)]
            return layers.ProgressiveSharing(self.trunk(), levels)
        return layers.HardSharing(self.trunk())

    def part(self, kind):
        """What a new task has of its own of such a layer."""
        return {
            "soft": self.trunk,
            "stitch": lambda: [self.trunk(), self.expert()],
            "progressive": lambda: [[self.expert()] for _ in range(2)],
        }.get(kind, lambda: None)()

    def head(self, task):
        name = f"{task}_head"
        if task == "graph":
            return layers.TripleHead(self.triples, self.scorer, name=name)
        if task == "questions":
            return layers.AnswerHead(self.triples, self.scorer, name=name)
        if task == "language":
            return layers.HiddenTokenHead(self.encoder, name=name)
        reader = layers.TripleReader(self.scorer, self.triples.relations, 2)
        head = layers.ClassificationHead(2)
        return layers.ClassHead(head, claims=reader, entities=self.triples.entities, name=name)

    def model(self, sharing="hard", names=NAMES, weighing=None):
        shared = self.sharing(sharing, [name for name in names if name in READING])
        heads = {name: self.head(name) for name in names}
        model = models.MultiTaskModel(shared, heads, weighing)
        model.compile(
            optimizers.LazyAdam(0.01),
            loss={name: LOSSES[name]() for name in names},
            metrics={
                name: [make(name="accuracy") for make in METRICS[name]]
                for name in names
                if name in METRICS
            },
            jit_compile=False,
        )
        return model


def model(*arguments, **options):
    return Parts().model(*arguments, **options)
