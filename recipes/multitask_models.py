"""The models of `multitask.py`: four tasks, five ways of sharing, five of weighing."""

import keras

import kgkeras
from kgkeras import layers, losses, metrics, models, scorers, text

TASKS = ("language", "graph", "questions", "truth")
READING = ("language", "questions", "truth")
SHARINGS = ("hard", "soft", "routed", "stitch", "progressive")
WEIGHINGS = ("fixed", "uncertainty", "average", "gradnorm", "pcgrad")


class Maker:
    """Makes the models of one seed, all of the same parts.

    Args:
        config: The `Config` of `multitask.py`.
        streams: `multitask_data.Streams`.
    """

    def __init__(self, config, streams):
        self.config, self.graph = config, streams.data.graph
        self.vocabulary_size = streams.tokenizer.vocabulary_size

    def model(self, tasks, sharing="hard", weighing="fixed"):
        """A compiled model of some of the tasks."""
        config = self.config
        sizes = (self.graph.num_entities, self.graph.num_relations, config.dim)
        self.triples = layers.TripleEmbedding.from_sizes(*sizes)
        self.triples.build()
        self.scorer = scorers.DistMult(name="scorer")
        self.encoders = {}
        readers = [task for task in tasks if task in READING]
        shared = self._sharing(sharing, readers)
        heads = {task: self._head(task) for task in tasks}
        model = models.MultiTaskModel(shared, heads, self._weighing(weighing, tasks))
        return self._compiled(model)

    def text_only(self):
        """A compiled model of the questions that knows neither the graph nor entities' names."""
        sizes = (self.graph.num_entities, self.graph.num_relations, self.config.dim)
        self.triples = layers.TripleEmbedding.from_sizes(*sizes)
        self.triples.relations.trainable = False  # Keras would warn that no loss reaches them
        sharing = layers.HardSharing(self._encoder("questions"))
        heads = {"questions": layers.AnswerHead(self.triples, name="questions_head")}
        words = ("token_ids", "padding_mask")
        return self._compiled(models.MultiTaskModel(sharing, heads, text_inputs=words))

    def _encoder(self, task):
        encoder = text.LSTMEncoder(self.vocabulary_size, self.config.dim, dropout=0.1)
        self.encoders[task] = encoder
        return encoder

    def _trunk(self, task):
        return models.FusedEncoder(
            self._encoder(task), self.triples.entities, layers.GatedFusion(), name=f"{task}_trunk"
        )

    def _expert(self):
        return keras.layers.Dense(self.config.dim, activation="gelu")

    def _sharing(self, sharing, tasks):
        if not tasks:
            encoder = self._encoder("nothing")
            encoder.trainable = False  # Keras would warn that no loss reaches it
            return layers.HardSharing(encoder)
        if sharing == "soft":
            return layers.SoftSharing({task: self._trunk(task) for task in tasks})
        if sharing == "stitch":
            stacks = {task: [self._trunk(task), self._expert()] for task in tasks}
            return layers.CrossStitchSharing(stacks)
        trunk = self._trunk("language")
        if sharing == "routed":
            experts = [self._expert() for _ in range(4)]
            return layers.ExpertSharing(trunk, experts, tasks, top_k=2)
        if sharing == "progressive":
            streams = ("shared", *tasks)
            levels = [{name: [self._expert()] for name in streams} for _ in range(2)]
            return layers.ProgressiveSharing(trunk, levels)
        return layers.HardSharing(trunk)

    def _head(self, task):
        name = f"{task}_head"
        if task == "graph":
            return layers.TripleHead(self.triples, self.scorer, name=name)
        if task == "questions":
            return layers.AnswerHead(self.triples, self.scorer, name=name)
        if task == "language":
            return layers.HiddenTokenHead(self.encoders["language"], name=name)
        reader = layers.TripleReader(self.scorer, self.triples.relations)
        head = layers.ClassificationHead(2, hidden_dim=self.config.dim, dropout=0.1)
        tables = {"claims": reader, "entities": self.triples.entities}
        return layers.ClassHead(head, **tables, reads_words=False, name=name)

    def _weighing(self, weighing, tasks):
        if weighing == "fixed" and "graph" in tasks:
            return layers.FixedWeights({"graph": self.config.graph_weight})
        return {
            "fixed": layers.FixedWeights,
            "uncertainty": layers.UncertaintyWeights,
            "average": lambda: layers.DynamicWeightAverage(max(self.config.steps // 20, 1)),
            "gradnorm": layers.GradNorm,
            "pcgrad": layers.PCGrad,
        }[weighing]()

    def _compiled(self, model):
        config, heads = self.config, model.heads
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, config.steps, warmup_target=config.learning_rate, warmup_steps=config.steps // 20
        )
        loss = {
            "language": losses.HiddenTokenLoss(),
            "graph": losses.CrossEntropyLoss(),
            "questions": losses.AnswerLoss(),
            "truth": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        }
        figures = {
            "language": [metrics.HiddenTokenAccuracy()],
            "questions": [metrics.AnswerAccuracy()],
            "truth": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        }
        # Without XLA: on a CPU it takes longer to compile these models than it saves.
        model.compile(
            kgkeras.optimizers.MultiRateAdam(schedule, {"table": 5.0}, clipnorm=1.0),
            loss={task: loss[task] for task in heads},
            metrics={task: figures[task] for task in heads if task in figures},
            jit_compile=False,
        )
        return model
