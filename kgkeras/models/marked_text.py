"""Models of texts with marked mentions."""

import keras
from keras import ops

from kgkeras.checks import describe, positive_int
from kgkeras.layers import MarkedEntities, TokenPooling
from kgkeras.layers.triple_embedding import check_tables
from kgkeras.models.fused_text import (
    FusedTextModel,
    Knowledge,
    check_place,
    encoded_words,
    text_mask,
    token_inputs,
)
from kgkeras.models.triple_objective import checked_objective
from kgkeras.scorers import DistMult


class MarkedTextModel(FusedTextModel):
    """Base of models that judge the mentions which marks enclose.

    Arguments are those of `RelationClassifier`, with two marks for each mention.

    Attributes:
        num_mentions: How many mentions are marked in a text.
    """

    parts = ("encoder", "head", "triples", "fusion", "scorer", "pooling", "kg_loss", "kg_weight")
    settings = ("marks", "fusion_after", "max_mentions")
    num_mentions: int

    def __init__(
        self,
        encoder,
        head,
        marks,
        triples=None,
        fusion=None,
        scorer=None,
        *,
        fusion_after=None,
        pooling=None,
        max_mentions=8,
        kg_weight=1.0,
        kg_loss=None,
        **kwargs,
    ):
        marks = _checked_marks(marks, self.num_mentions)
        _check_knowledge(triples, fusion)
        check_place(encoder, fusion, fusion_after)
        max_mentions = positive_int("max_mentions", max_mentions)
        kg_weight, kg_loss = checked_objective(kg_weight, kg_loss)
        scorer = scorer or DistMult(name="scorer")
        pooling = pooling or TokenPooling(marks[::2], name="pooling")

        # === Graph ===
        inputs = token_inputs(encoder)
        tokens = dict(inputs)
        read = tokens["token_ids"], text_mask(tokens)
        if triples is None:
            words, _, weights = encoded_words(encoder, tokens)
            features = pooling(words, *read)
        else:
            entity_ids = keras.Input((None,), dtype="int32", name="entity_ids")
            inputs.setdefault("entity_ids", entity_ids)
            ids = MarkedEntities(marks, name="marked")(tokens["token_ids"], inputs["entity_ids"])
            linked = _with_marks(tokens["token_ids"], inputs["entity_ids"], ids, marks)
            knowledge = Knowledge(triples.entities, linked, max_mentions)
            _, words, weights = encoded_words(encoder, tokens, knowledge, fusion, fusion_after)
            text = pooling(words, *read)
            told = self._told(triples, scorer, *knowledge.of(ids))
            features = keras.layers.Concatenate(name="features")([text, told])
        super().__init__(inputs, head(features), **kwargs)

        # === Parts and configuration ===
        self.encoder, self.head, self.pooling = encoder, head, pooling
        self.marks, self.max_mentions = marks, max_mentions
        self.fusion, self.fusion_after = fusion, fusion_after
        self._fusion_weights = weights
        self._set_objective(triples, scorer, kg_weight, kg_loss)

    def _told(self, triples, scorer, vectors, known):
        """What the graph knows about the mentions, `(batch, any)`.

        Args:
            triples: `layers.TripleEmbedding`.
            scorer: `scorers.Scorer`.
            vectors: Symbolic `(batch, num_mentions, dim)`, zeros where unknown.
            known: Symbolic bools `(batch, num_mentions)`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `_told`.")

    def marked_entities(self, inputs):
        """The entities of the marked mentions, int32 `(batch, mentions)`, -1 for none.

        Args:
            inputs: As in the call.
        """
        return MarkedEntities(self.marks)(inputs["token_ids"], inputs["entity_ids"])


def _with_marks(token_ids, entity_ids, marked, marks):
    """The entity at each word, those that open a mention included."""
    for column, mark in enumerate(marks[::2]):
        # Not `==`, which says of symbolic tensors whether they are one and the same.
        here = ops.equal(token_ids, mark)
        entity_ids = ops.where(here, marked[:, column : column + 1], entity_ids)
    return entity_ids


def _checked_marks(marks, num_mentions):
    marks, wanted = tuple(int(mark) for mark in marks), 2 * num_mentions
    if len(marks) != wanted or len(set(marks)) != wanted:
        raise ValueError(
            f"`marks` must be {wanted} different token ids, which open and close "
            f"{'the mention' if num_mentions == 1 else 'one mention after the other'}. "
            f"{describe(marks)}."
        )
    return marks


def _check_knowledge(triples, fusion):
    if triples is None and fusion is not None:
        raise ValueError(f"`fusion` needs `triples`. Received: fusion={fusion!r} without them.")
    if triples is not None:
        check_tables(triples)
