"""Tells the class of a text."""

import keras

from kgkeras.layers.classification_head import ClassificationHead
from kgkeras.layers.heads.task_head import TaskHead
from kgkeras.layers.mean_pooling import MeanPooling
from kgkeras.layers.mention_ids import MentionIds
from kgkeras.layers.triple_reader import TripleReader
from kgkeras.registration import serializable


@serializable
class ClassHead(TaskHead):
    """Pools the words of a text, and tells its class.

    With a `claims` reader the head also asks how plausible the graph finds what the text claims of
    its entities, as `models.JointModel` does.

    Args:
        classifier: A `ClassificationHead`.
        pooling: Layer `(words, token_ids, padding_mask)` to `(batch, dim)`; `MeanPooling` if None.
        claims: A `TripleReader`, or None.
        entities: The `EntityEmbedding` that it reads; needed with `claims`.
        max_mentions: How many of a text's entities it looks at.
        reads_words: False to tell the class by what the graph says of the claims alone; where there
            are few labels, words are soon known by heart.

    Call arguments:
        inputs: Dict of `token_ids`, `padding_mask` and, with `claims`, `entity_ids`.
        words: Float tensor `(batch, words, dim)`.

    Returns:
        Logits `(batch, num_classes)`.

    Raises:
        ValueError: If `claims` and `entities` are not given together, or there is nothing to read.
    """

    def __init__(
        self,
        classifier,
        pooling=None,
        claims=None,
        entities=None,
        max_mentions=8,
        reads_words=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, part, kind in (
            ("classifier", classifier, ClassificationHead),
            ("claims", claims, (TripleReader, type(None))),
        ):
            if not isinstance(part, kind):
                raise ValueError(f"`{name}` is of the wrong kind. Received: {part!r}.")
        if (claims is None) != (entities is None):
            raise ValueError(
                "`claims` and `entities` must be given together. "
                f"Received: {claims!r}, {entities!r}."
            )
        if claims is None and not reads_words:
            raise ValueError("`reads_words` may be False only with `claims`. Received: neither.")
        self.reads_words = bool(reads_words)
        self.classifier, self.claims, self.entities = classifier, claims, entities
        self.pooling = pooling or MeanPooling(name="pooling")
        self.max_mentions = max_mentions
        self._mentions = MentionIds(max_mentions) if claims is not None else None

    def call(self, inputs, words=None, training=None):
        features = self.pooling(words, inputs["token_ids"], inputs["padding_mask"])
        if self.claims is not None:
            mentioned = self._mentions(inputs["entity_ids"])
            claim = self.claims(features, self.entities(mentioned), mentioned >= 0)
            if self.reads_words:
                features = keras.ops.concatenate([features, claim], axis=-1)
            else:
                features = claim
        return self.classifier(features, training=training)

    def get_config(self):
        settings = {"max_mentions": self.max_mentions, "reads_words": self.reads_words}
        return {**super().get_config(), **settings} | {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("classifier", "pooling", "claims", "entities")
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("classifier", "pooling", "claims", "entities"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
