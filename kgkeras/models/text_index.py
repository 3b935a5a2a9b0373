"""The entities that a bi-encoder chooses among, encoded once."""

import hashlib

import keras
import numpy as np
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.kg.inverse import inverse_relation
from kgkeras.models.named_answers import NamedAnswers
from kgkeras.models.nearest_entities import NearestEntities
from kgkeras.ops.packing import packed

# Rows are encoded beside those of about their length, up to a multiple of it.
_LENGTH_STEP = 8
# Numbers that encoding takes for each token and dimension, about.
_NUMBERS_A_TOKEN = 20


class TextIndex(NearestEntities, NamedAnswers):
    """Answers of a `TextLinkPredictor` about the entities of one list of texts.

    What `evaluation` asks, as of a `LinkPredictor`. Entities are read when it is made, and again by
    `refresh`; queries when they are asked.

    Args:
        model: `TextLinkPredictor`.
        texts: `pipelines.TripleTexts`, of the graph that it was trained on or of another one with
            the same relations.
        vocabulary: `models.Vocabulary`, for questions by name.
        batch_size: Texts to encode at a time.

    Raises:
        ValueError: If the vocabulary is of other sizes.
    """

    # `evaluation.rank` then asks for few queries at a time, rather than for some candidates.
    scores_all = True
    # Many queries are scored in one matrix product.
    by_product = True

    def __init__(self, model, texts, vocabulary=None, batch_size=256):
        self.model, self.texts = model, texts
        self.batch_size = positive_int("batch_size", batch_size)
        self.num_entities, self.num_relations = texts.num_entities, texts.num_relations
        self.vocabulary = vocabulary and vocabulary.of_sizes(self.num_entities, self.num_relations)
        # Variables, that an export keeps them beside its graph, which must not be large.
        self._entities, self._relations = (
            tuple(keras.Variable(row, dtype="int32", trainable=False) for row in rows)
            for rows in (
                (texts.entity_tokens, texts.entity_lengths),
                (texts.relation_tokens, texts.relation_lengths),
            )
        )
        self._table = keras.Variable(
            np.zeros((self.num_entities, model.dim)), dtype="float32", trainable=False
        )
        self._digest = None
        self.refresh()

    def refresh(self):
        """Reads the entities again, unless the model has the same weights as the last time."""
        tower, digest = self.model.entity_tower, hashlib.blake2b()
        for weight in tower.weights:
            digest.update(np.ascontiguousarray(ops.convert_to_numpy(weight)))
        if self._digest != digest.digest():
            tokens, lengths = self.texts.entity_tokens, self.texts.entity_lengths
            self._table.assign(_encoded(tower, tokens, lengths, self.batch_size))
            self._digest = digest.digest()

    @property
    def variables(self):
        """What the answers depend on."""
        return [*self.model.variables, self._table, *self._entities, *self._relations]

    def score(self, head, relation, tail):
        """Scores of triples of ids, integer tensors that broadcast: float32 of their shape."""
        head, relation, tail = (ops.convert_to_tensor(ids) for ids in (head, relation, tail))
        shape = ops.shape(head + relation + tail)
        head, relation, tail = (
            ops.reshape(ops.broadcast_to(ids, shape), (-1,)) for ids in (head, relation, tail)
        )
        tails = ops.take(self._table, tail, axis=0)
        return ops.reshape(ops.sum(self._queries(head, relation) * tails, axis=-1), shape)

    def score_tails(self, head, relation, candidates=None):
        """Scores of queries `(head, relation, ?)`.

        Args:
            head: Entity ids `(queries,)`.
            relation: Relation ids `(queries,)`, inverse ones included.
            candidates: Entity ids `(candidates,)`; all entities where None.

        Returns:
            Float32 tensor `(queries, candidates)`: cosines over the temperature.
        """
        tails = ops.convert_to_tensor(self._table)
        if candidates is not None:
            tails = ops.take(tails, candidates, axis=0)
        return ops.matmul(self._queries(head, relation), ops.transpose(tails))

    def score_heads(self, candidates, relation, tail):
        """Scores of queries `(?, relation, tail)`; otherwise as `score_tails`."""
        inverse = inverse_relation(ops.convert_to_tensor(relation), self.num_relations)
        return self.score_tails(tail, inverse, candidates)

    def score_tails_of_texts(self, token_ids, padding_mask, relation):
        """Scores of queries whose heads are texts, of entities that may not be there.

        Args:
            token_ids: int32 `(queries, tokens)`, as in a row of `TripleTexts.entity_tokens`.
            padding_mask: bool, same shape: True at tokens, False behind them.
            relation: Relation ids `(queries,)`, inverse ones included.

        Returns:
            Float32 tensor `(queries, num_entities)`: cosines over the temperature.
        """
        queries = self._encoded_queries((token_ids, padding_mask), relation)
        return ops.matmul(queries, ops.transpose(self._table))

    def score_relations(self, head, tail):
        """Scores `(queries, num_relations)` of every relation between heads and tails."""
        head, tail = ops.convert_to_tensor(head), ops.convert_to_tensor(tail)
        relations = range(self.num_relations)
        return ops.stack([self.score(head, ops.full_like(head, r), tail) for r in relations], 1)

    def embed(self, ids):
        """Vectors of entities by their ids `(n,)`: float32 `(n, dim)`, zeros for a negative id."""
        vectors = ops.take(self._table, ops.maximum(ids, 0), axis=0)
        return ops.where(ops.expand_dims(ids, 1) >= 0, vectors, 0.0)

    def entity_vectors(self):
        """NumPy array `(num_entities, dim)`, each of length 1."""
        return ops.convert_to_numpy(self._table)

    @property
    def bytes_per_score(self):
        """Memory that scoring one candidate for one query takes, about."""
        encoding = 4 * _NUMBERS_A_TOKEN * self.texts.max_tokens * self.model.dim
        return 4 + encoding // self.num_entities

    def _queries(self, head, relation):
        """Vectors of queries `(queries, dim)`."""
        return self._encoded_queries(_rows(*self._entities, head), relation)

    def _encoded_queries(self, heads, relation):
        """The same where `heads` are tokens and where they are, each `(queries, tokens)`."""
        parts = heads, _rows(*self._relations, relation)
        tokens = packed(*(ops.concatenate(columns, axis=1) for columns in zip(*parts, strict=True)))
        return self.model.encode_queries(*_trimmed(*tokens))


def _rows(tokens, lengths, ids):
    """Tokens of some texts, and where they are."""
    place = ops.expand_dims(ops.arange(tokens.shape[1], dtype="int32"), 0)
    there = place < ops.expand_dims(ops.take(lengths, ids, axis=0), 1)
    return ops.take(tokens, ids, axis=0), there


def _trimmed(tokens, there):
    """Without the columns that no row needs, where shapes may depend on values."""
    if keras.backend.backend() != "tensorflow":
        return tokens, there
    longest = ops.max(ops.sum(ops.cast(there, "int32"), axis=1))
    return tokens[:, :longest], there[:, :longest]


def _encoded(tower, tokens, lengths, batch_size):
    """Vectors of all texts; replicas, where there are some, share each batch."""
    vectors = np.zeros((len(tokens), tower.output.shape[-1]), dtype="float32")
    widths = -(-lengths // _LENGTH_STEP) * _LENGTH_STEP
    for width in np.unique(widths):
        chosen = np.flatnonzero(widths == width)
        there = np.arange(min(width, tokens.shape[1])) < lengths[chosen, None]
        inputs = {"token_ids": tokens[chosen, : there.shape[1]], "padding_mask": there}
        vectors[chosen] = tower.predict(inputs, batch_size=batch_size, verbose=0)
    return vectors
