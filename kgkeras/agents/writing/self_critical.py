"""Teaches a writer by rewards to tell the facts, all of them, and nothing else."""

import keras
import tensorflow as tf

from kgkeras.checks import describe, non_negative
from kgkeras.ops import num_replicas
from kgkeras.ops.replicas import replica_mean
from kgkeras.registration import serializable


@serializable
class SelfCritical(keras.Model):
    """Self-critical policy gradient for a `KnowledgeWriter`, by stock `fit`.

    A text `w` is drawn, and the most probable one `g` is the baseline:
    `-(R(w) - R(g)) log p(w) / |w| + c L_LM`. The reward `R = F1 + n C + m log p_0(w) / |w|` is how
    well the facts read back from the text agree with those told, each counted by its probability;
    the share `C` of the facts' entities that it names; and how fluent the frozen writer `p_0` finds
    it. `L_LM` is the loss of texts that people wrote.

    Args:
        writer: `KnowledgeWriter`, trained on texts; it is trained on.
        reader: `FactReader`, trained; it stays as it is.
        naming_weight: `n`, at least 0.
        fluency_weight: `m`, at least 0.
        text_weight: `c`, at least 0.
        seed: Seed of the texts that are drawn.

    Call arguments:
        inputs: Dict of `facts`, `text` and `triples`, as of the writer and the reader.

    Raises:
        ValueError: If a part is of another kind, or a weight is negative.

    Reference: Rennie et al., Self-Critical Sequence Training for Image Captioning, CVPR 2017.
    """

    def __init__(
        self,
        writer,
        reader,
        *,
        naming_weight=0.3,
        fluency_weight=0.05,
        text_weight=0.3,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not hasattr(writer, "write"):
            raise ValueError(f"`writer` must be a KnowledgeWriter. {describe(writer)}.")
        if not hasattr(reader, "expected_agreement"):
            raise ValueError(f"`reader` must be a FactReader. {describe(reader)}.")
        self.writer, self.reader = writer, reader
        self.naming_weight = non_negative("naming_weight", naming_weight)
        self.fluency_weight = non_negative("fluency_weight", fluency_weight)
        self.text_weight = non_negative("text_weight", text_weight)
        self.seed = seed
        self.frozen = type(writer).from_config({**writer.get_config(), "name": "frozen"})
        self.frozen.set_weights(writer.get_weights())
        self.frozen.trainable = self.reader.trainable = False
        self._seeds = keras.random.SeedGenerator(seed)
        names = ("reward", "f1", "naming", "fluency", "text_loss")
        self._figures = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True

    def call(self, inputs, training=None):
        return self.writer(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        facts = x["facts"]
        drawn = self.writer.write(facts, seed=tf.cast(self._seeds.next(), tf.int32))
        best = self.writer.write(facts)
        reward, baseline = (
            self.rewards(facts, tf.stop_gradient(text), x["triples"]) for text in (drawn, best)
        )
        log_probs, lengths = self.writer.log_probs({"facts": facts, "text": drawn})
        gain = tf.stop_gradient(reward["reward"] - baseline["reward"])
        texts, words = self.writer.log_probs(x, scores=y_pred)
        text_loss = -tf.reduce_sum(texts) / replica_mean(tf.reduce_sum(words))
        for name, values in {**baseline, "text_loss": text_loss}.items():
            self._figures[name].update_state(values)
        loss = -tf.reduce_mean(gain * log_probs / lengths) + self.text_weight * text_loss
        return loss / num_replicas()

    def rewards(self, facts, text, triples):
        """Dict of `reward` and its parts, `f1`, `naming` and `fluency`, float32 `(batch,)` each."""
        f1 = self.reader.f1(text, triples, expected=True)
        naming = self.reader.naming(text, triples)
        log_probs, lengths = self.frozen.log_probs({"facts": facts, "text": text})
        fluency = log_probs / lengths
        reward = f1 + self.naming_weight * naming + self.fluency_weight * fluency
        return {"reward": reward, "f1": f1, "naming": naming, "fluency": fluency}

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return {metric.name: metric.result() for metric in self.metrics}

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        parts = {"writer": serialize(self.writer), "reader": serialize(self.reader)}
        names = ("naming_weight", "fluency_weight", "text_weight", "seed", "name")
        return {**parts, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        made = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("writer", "reader")
        }
        return cls(**{**config, **made})
