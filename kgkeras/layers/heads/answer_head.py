"""Answers a question by an entity."""

import keras
from keras import ops

from kgkeras.layers.heads.task_head import TaskHead
from kgkeras.layers.mean_pooling import MeanPooling
from kgkeras.layers.mention_ids import MentionIds
from kgkeras.layers.triple_embedding import check_tables
from kgkeras.registration import serializable


@serializable
class AnswerHead(TaskHead):
    """Scores all entities as the answer to a question about one.

    The words choose a mixture of relations for each direction, `p = softmax(W q)` over both; the
    graph's own scorer tells the entities at the other end of them, beside what the words say by
    themselves: `s(a) = f(e, sum_k p_k r_k, a) + f(a, sum_k p'_k r_k, e) + V q . a`, where `e` is
    the sum of the vectors of the entities in the question. A question without a known entity has
    the last term alone, and so has every question where there is no `scorer`.

    Args:
        triples: A `TripleEmbedding` without an encoder.
        scorer: The `scorers.Scorer` of the graph, or None for words alone.
        pooling: Layer `(words, token_ids, padding_mask)` to `(batch, dim)`; `MeanPooling` if None.
        max_mentions: How many of a question's entities it looks at.

    Call arguments:
        inputs: Dict of `token_ids`, `padding_mask` and `entity_ids`.
        words: Float tensor `(batch, words, dim)`.

    Returns:
        Float32 tensor `(batch, num_entities)`: scores.

    Raises:
        ValueError: If the tables have an encoder.

    Reference: the mixture of relations as in Cohen et al., Scalable Neural Methods for Reasoning
    with a Symbolic Knowledge Base, ICLR 2020; the score as in Saxena et al., EmbedKGQA, ACL 2020.
    """

    def __init__(self, triples, scorer=None, pooling=None, max_mentions=4, **kwargs):
        super().__init__(**kwargs)
        check_tables(triples)
        self.triples, self.scorer = triples, scorer
        self.pooling = pooling or MeanPooling(name="pooling")
        self.max_mentions = max_mentions
        self._mentions = MentionIds(max_mentions)

    def build(self, inputs_shape, words_shape):
        dense = keras.layers.Dense
        self.query = dense(self.triples.dim, name="query", dtype=self.dtype_policy)
        self.query.build((None, words_shape[-1]))
        if self.scorer is not None:
            relations = 2 * self.triples.relations.num_relations
            self.relation = dense(relations, name="relation", dtype=self.dtype_policy)
            self.relation.build((None, words_shape[-1]))
        if not self.triples.built:
            self.triples.build()

    def call(self, inputs, words=None):
        question = self.pooling(words, inputs["token_ids"], inputs["padding_mask"])
        entities = self.triples.entities.vectors()
        scores = ops.matmul(self.query(question), ops.transpose(entities))
        if self.scorer is not None:
            scores = scores + self._graph_scores(question, inputs["entity_ids"], entities)
        return ops.cast(scores, "float32")

    def relation_weights(self, question):
        """How much each relation is meant, forwards and backwards: `(batch, 2, relations)`."""
        weights = ops.softmax(self.relation(question), axis=-1)
        return ops.reshape(weights, (-1, 2, self.triples.relations.num_relations))

    def _graph_scores(self, question, entity_ids, entities):
        mentioned = self._mentions(entity_ids)
        entity = ops.sum(self.triples.entities(mentioned), axis=1)
        weights = self.relation_weights(question)
        relations = self.triples.relations.vectors()[: self.triples.relations.num_relations]
        forwards, backwards = (ops.matmul(weights[:, side], relations) for side in (0, 1))
        scores = self.scorer.score_tails(entity, forwards, entities)
        scores = scores + self.scorer.score_heads(entities, backwards, entity)
        known = ops.any(mentioned >= 0, axis=1, keepdims=True)
        return ops.where(known, scores, ops.zeros((), scores.dtype))

    def compute_output_spec(self, inputs, words=None):
        return keras.KerasTensor((words.shape[0], self.triples.entities.rows), dtype="float32")

    def get_config(self):
        return {**super().get_config(), "max_mentions": self.max_mentions} | {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("triples", "scorer", "pooling")
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("triples", "scorer", "pooling"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
