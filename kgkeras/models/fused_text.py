"""Models of texts whose words the vectors of entities enter."""

import keras
from keras import ops

from kgkeras.layers import MentionIds
from kgkeras.layers.triple_embedding import check_tables
from kgkeras.models.triple_objective import TripleObjective


class FusedTextModel(TripleObjective):
    """Base of models of a text and of the entities in it.

    Subclasses keep `fusion`, a `layers.Fusion` or None, and `_fusion_weights`, what
    `encoded_words` tells of it.
    """

    def call(self, inputs, training=None, mask=None):
        return super().call({name: inputs[name] for name in self._inputs_struct}, training=training)

    def fusion_weights(self):
        """A model from the same inputs to how much knowledge enters each word: `(batch, words)`.

        Raises:
            ValueError: If the fusion layer has no such weights.
        """
        if self._fusion_weights is None:
            raise ValueError(
                "Only fusion layers that weigh knowledge (GatedFusion, AttentionFusion) have "
                f"weights. Received: fusion={self.fusion!r}."
            )
        return keras.Model(self.input, self._fusion_weights, name="fusion_weights")


def check_knowledge(triples, fusion):
    """Raises a `ValueError` unless there are both tables and a fusion, or neither."""
    if (triples is None) != (fusion is None):
        raise ValueError(
            "`triples` and `fusion` must be given together, or neither for the text-only "
            f"twin. Received: triples={triples!r}, fusion={fusion!r}."
        )
    if triples is not None:
        check_tables(triples)


def check_place(encoder, fusion, fusion_after):
    """Raises a `ValueError` unless knowledge can be fused there."""
    if fusion_after is not None and (fusion is None or not hasattr(encoder, "encode_with")):
        raise ValueError(
            "`fusion_after` needs a `fusion` and an encoder with `encode_with`, such as "
            f"text.TransformerEncoder. Received: fusion={fusion!r}, encoder={encoder!r}."
        )


def token_inputs(encoder):
    """What an encoder takes, symbolic, by name: `token_ids`, `padding_mask` and perhaps more."""
    told = getattr(encoder, "input", None)
    more = told if isinstance(told, dict) else {}
    inputs = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }
    for name, tensor in more.items():
        if name not in inputs:
            inputs[name] = keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
    return inputs


def text_mask(tokens):
    """True at the words of the text: at no padding, and at no fact that branches off.

    Args:
        tokens: What `token_inputs` returned.
    """
    mask = tokens["padding_mask"]
    if "branches" not in tokens:
        return mask
    return ops.logical_and(mask, ops.equal(tokens["branches"], 0))


class Knowledge:
    """The vectors of a text's entities: at each word, or mention by mention.

    Args:
        entities: `layers.EntityEmbedding`.
        entity_ids: Symbolic ids `(batch, words)`.
        max_mentions: How many of a text's mentions `mentions` tells.
    """

    def __init__(self, entities, entity_ids, max_mentions):
        self.entities = entities
        self.entity_ids = entity_ids
        self.mention_ids = MentionIds(max_mentions, name="mention_ids")(entity_ids)

    def words(self):
        """`(batch, words, dim)` and True where there is an entity."""
        return self.of(self.entity_ids)

    def mentions(self):
        """`(batch, mentions, dim)` and True where there is a mention."""
        return self.of(self.mention_ids)

    def of(self, ids):
        """The vectors of `ids`, and True where there is an entity."""
        return self.entities(ids), ids >= 0


def encoded_words(encoder, tokens, knowledge=None, fusion=None, fusion_after=None):
    """The words of a text, and the words with what `knowledge` says about them.

    Args:
        encoder: As in `JointModel`.
        tokens: What `token_inputs` returned.
        knowledge: `Knowledge`, or None.
        fusion: A `layers.Fusion`, or None.
        fusion_after: As in `JointModel`.

    Returns:
        Twice `(batch, words, dim)`, the same where the knowledge enters within the encoder, and how
        much of it enters each word, `(batch, words)`: None where the fusion cannot tell.
    """
    if fusion is None:
        words = encoder(dict(tokens))
        return words, words, None
    if fusion_after is None:
        words = encoder(dict(tokens))
        return (words, *_fused(words, knowledge, fusion))
    weights = []

    def fuse(words):
        fused, weight = _fused(words, knowledge, fusion)
        weights.append(weight)
        return fused

    words = encoder.encode_with(fuse, fusion_after, dict(tokens))
    return words, words, weights[0]


def _fused(text, knowledge, fusion):
    vectors, known = knowledge.mentions() if fusion.candidates else knowledge.words()
    if not fusion.weighs:
        return fusion(text, vectors, known), None
    fused, weights = fusion(text, vectors, known, return_weights=True)
    return fused, 1.0 - weights[..., -1] if fusion.candidates else weights
