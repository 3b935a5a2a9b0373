"""Predicts missing facts from the paths between entities; it knows no entity by heart."""

import keras
from keras import ops

from kgkeras.checks import describe
from kgkeras.graph import FactEdges, PathEncoder
from kgkeras.kg.inverse import check_no_inverses, inverse_relation
from kgkeras.models.composed import ComposedModel
from kgkeras.models.link_predictor import check_scorer, check_unweighted
from kgkeras.models.named_answers import NamedAnswers
from kgkeras.models.path_head import PathHead
from kgkeras.models.path_vectors import (
    PathVectors,
    again,
    check_triples,
    text_triples,
    texts_about,
)
from kgkeras.models.vocabulary import Vocabulary
from kgkeras.registration import serializable
from kgkeras.scorers import ComplEx


@serializable
class PathPredictor(NamedAnswers, ComposedModel):
    """Scores all entities as answers to a query by a `graph.PathEncoder`; trained by stock `fit`.

    Batches hold `head`, `relation` and `tail`, or `answers` in place of the latter, with inverse
    relations as facts of their own: `pipelines.one_vs_all_batches` or `pipelines.query_batches`
    over `graph.with_inverses()`. Answers that are facts already, but not those of the row, are
    left out of the loss, which is the one that `compile` is given: see `kgkeras.losses`.

    What is learned belongs to the relations alone. `with_graph` gives the same model over another
    graph of these relations, whose entities may all be new.

    With `triples` and a `scorer`, entities are also judged by their vectors: their scores are added
    to those of the paths, and say how these are read. The vectors may be made of entities' texts
    (`from_graph(text_vectors=...)`), and the entities are new ones all the same.

    Args:
        encoder: `graph.PathEncoder`.
        triples: `layers.TripleEmbedding` of as many entities and, inverse ones included, relations
            as `encoder`; None for paths alone. For `with_graph`, its entities are a
            `layers.FusedEntityEmbedding` without a fusion.
        scorer: A `scorers.Scorer` of its vectors.
        vocabulary: `models.Vocabulary`, for questions by name; saved beside the weights.

    Call arguments:
        inputs: Dict of `head`, `relation` and `tail`, int32 `(batch,)`; more in training.

    Returns:
        Scores `(batch,)`; higher is more plausible.

    Raises:
        ValueError: If `encoder` is not a `PathEncoder`, the vocabulary or `triples` are of other
            sizes, or one of `triples` and `scorer` is missing.

    Example:
    ```python
    model = PathPredictor.from_graph(splits.train, units=32, num_layers=6)
    model.compile("adam", losses.CrossEntropyLoss())
    batches = pipelines.one_vs_all_batches(splits.train.with_inverses(), batch_size=16)
    model.fit(batches, steps_per_epoch=1000, shuffle=False)
    ranks = evaluation.rank(model.with_graph(other.train), other.test, other)
    ```
    """

    parts = ("encoder", "triples", "scorer")

    def __init__(self, encoder, triples=None, scorer=None, *, vocabulary=None, **kwargs):
        if not isinstance(encoder, PathEncoder):
            raise ValueError(f"`encoder` must be a graph.PathEncoder. {describe(encoder)}.")
        vectors = None
        if triples is not None or scorer is not None:
            check_triples(encoder.facts, triples, scorer)
            vectors = PathVectors(triples, scorer, name="vectors")
        inputs = {
            name: keras.Input((), dtype="int32", name=name) for name in ("head", "relation", "tail")
        }
        head = PathHead(
            encoder.units, vectors is not None, name="scores", dtype=encoder.dtype_policy
        )
        asked = inputs["head"], inputs["relation"]
        scores = head(*encoder(*asked), None if vectors is None else vectors(*asked))
        scores = ops.take_along_axis(scores, ops.expand_dims(inputs["tail"], -1), axis=1)
        super().__init__(inputs, ops.squeeze(scores, -1), **kwargs)
        self.supports_jit = False
        self.encoder, self.triples, self.scorer = encoder, triples, scorer
        self._vectors, self._head = vectors, head
        self.num_entities = encoder.facts.num_entities
        self.num_relations = encoder.facts.num_relations
        self.vocabulary = vocabulary and vocabulary.of_sizes(self.num_entities, self.num_relations)

    @classmethod
    def from_graph(
        cls,
        graph,
        *,
        edge_dropout=0.0,
        text_vectors=None,
        text_dim=64,
        text_dropout=0.0,
        scorer=None,
        vocabulary=None,
        **kwargs,
    ):
        """A model over the facts of a graph; it learns nothing yet.

        The facts that a training step asks for are left out of it. Two replicas leave out half of
        a batch each, and so learn otherwise than one.

        Args:
            graph: `kg.KnowledgeGraph` or `kg.Splits`, without inverse relations.
            edge_dropout: Rate at which facts are left out of a training step, each with its
                inverse.
            text_vectors: Array `(num_entities, any)` of entities' texts, such as
                `TextIndex.entity_vectors`; None for paths alone.
            text_dim: Length of what is learned to be made of each.
            text_dropout: Rate at which elements of texts' vectors are dropped in training.
            scorer: What judges texts: a `scorers.Scorer`, `ComplEx` where None.
            vocabulary: As for the class; that of the graph where None.
            **kwargs: As for `graph.PathEncoder`.

        Raises:
            ValueError: If the graph has inverse relations, or no facts, or the vectors do not fit.
        """
        graph = getattr(graph, "train", graph)
        check_no_inverses(graph)
        facts = FactEdges.from_graph(graph, dropout=edge_dropout, hide_batch=True, name="facts")
        encoder = PathEncoder(facts, name="encoder", **kwargs)
        triples = None
        if text_vectors is not None:
            check_scorer(scorer := scorer or ComplEx())
            options = {"text_dropout": text_dropout, "dtype": kwargs.get("dtype")}
            triples = text_triples(graph, text_vectors, text_dim, scorer, **options)
        return cls(encoder, triples, scorer, vocabulary=vocabulary or Vocabulary.from_graph(graph))

    def with_graph(self, graph, text_vectors=None):
        """The same model over another graph; nothing is trained again.

        Args:
            graph: `kg.KnowledgeGraph` of the same relations, without inverse ones.
            text_vectors: Array `(graph.num_entities, any)`, made as those of training, for a model
                that reads texts.

        Returns:
            A `PathPredictor` with weights of its own, to compile anew before it is trained.

        Raises:
            ValueError: If the graph has other relations, inverse ones, or no facts, or texts'
                vectors do not fit, are missing or of no use.
        """
        known = self.vocabulary.relations if self.vocabulary else graph.relations
        if graph.relations != known or graph.num_relations != self.num_relations:
            raise ValueError(
                f"`graph` must have the {self.num_relations} relations that the model knows, in "
                f"the same order. Received: {graph.num_relations} relations, "
                f"{', '.join(graph.relations[:5])} ..."
            )
        facts = self.encoder.facts
        edges = FactEdges.from_graph(
            graph,
            dropout=facts.dropout,
            hide_batch=facts.hide_batch,
            seed=facts.seed,
            name=facts.name,
        )
        encoder = PathEncoder(**{**self.encoder.get_config(), "facts": edges})
        triples = texts_about(self.triples, graph.num_entities, text_vectors)
        names = Vocabulary.from_graph(graph)
        model = type(self)(encoder, triples, again(self.scorer), vocabulary=names)
        for new, old in zip(model._learned(), self._learned(), strict=True):
            new.assign(old)
        return model

    def _learned(self):
        """All weights but facts and texts, whether they are being trained or not."""
        given = [*self.encoder.facts.weights]
        if self.triples is not None:
            given += [self.triples.entities.texts, self.triples.entities.structured]
        given = {id(variable) for variable in given}
        return [variable for variable in self.weights if id(variable) not in given]

    # === Training ===

    def call(self, inputs, training=None, mask=None):
        return super().call({name: inputs[name] for name in self._inputs_struct}, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        check_unweighted(sample_weight)
        head, relation = x["head"], x["relation"]
        answers = x["answers"] if "answers" in x else ops.expand_dims(x["tail"], -1)
        asked = (ops.expand_dims(head, -1), ops.expand_dims(relation, -1), answers)
        scores = self._scores(head, relation, training=training, facts=asked)
        labels = self._labels(head, relation, answers)
        return super().compute_loss(x, labels, scores, x.get("weight"), training)

    def _labels(self, head, relation, answers):
        """1 for the answers, -1 for other known answers, 0 for others: `(batch, num_entities)`."""
        facts, shape = self.encoder.facts(), (ops.shape(head)[0], self.num_entities + 1)
        same = ops.expand_dims(facts["source"], 0) == ops.expand_dims(head, 1)
        same &= ops.expand_dims(facts["relation"], 0) == ops.expand_dims(relation, 1)
        row, fact = ops.where(same)
        known = ops.stack([row, ops.take(ops.cast(facts["target"], row.dtype), fact)], -1)
        labels = ops.scatter_update(ops.zeros(shape), known, -ops.ones_like(row, "float32"))
        # Padding is put into a column of its own.
        answers = ops.where(answers < 0, self.num_entities, answers)
        row = ops.expand_dims(ops.arange(shape[0], dtype=answers.dtype), 1)
        right = ops.reshape(
            ops.stack([ops.broadcast_to(row, ops.shape(answers)), answers], -1), (-1, 2)
        )
        labels = ops.scatter_update(labels, right, ops.ones_like(right[:, 0], "float32"))
        return labels[:, :-1]

    # === Answers ===

    def score(self, head, relation, tail):
        """Scores of triples of ids, integer tensors `(n,)`: float32 `(n,)`."""
        ids = (ops.convert_to_tensor(ids) for ids in (head, relation, tail))
        scores = self(dict(zip(("head", "relation", "tail"), ids, strict=True)))
        return ops.cast(scores, "float32")

    def score_tails(self, head, relation, candidates=None):
        """Scores of queries `(head, relation, ?)`.

        Args:
            head: Entity ids `(queries,)`.
            relation: Relation ids `(queries,)`, inverse ones included.
            candidates: Entity ids `(candidates,)`; all entities where None.

        Returns:
            Float32 tensor `(queries, candidates)`.
        """
        scores = self._scores(ops.convert_to_tensor(head), ops.convert_to_tensor(relation))
        return scores if candidates is None else ops.take(scores, candidates, axis=1)

    def score_heads(self, candidates, relation, tail):
        """Scores of queries `(?, relation, tail)`; otherwise as `score_tails`."""
        return self.score_tails(tail, inverse_relation(relation, self.num_relations), candidates)

    def score_relations(self, head, tail):
        """Scores `(queries, num_relations)` of every relation between heads and tails."""
        head, tail = ops.convert_to_tensor(head), ops.expand_dims(ops.convert_to_tensor(tail), -1)
        scores = [
            ops.take_along_axis(self.score_tails(head, ops.full_like(head, i)), tail, axis=1)
            for i in range(self.num_relations)
        ]
        return ops.concatenate(scores, axis=1)

    # `evaluation.rank` then asks for few queries at a time, rather than for some candidates.
    scores_all = True

    @property
    def bytes_per_score(self):
        """Memory that scoring one candidate for one query takes, about."""
        facts_each = 2 * self.encoder.facts.num_facts // self.num_entities
        return 4 * self.encoder.units * (8 + facts_each)

    def _scores(self, head, relation, training=False, facts=None):
        """Scores of all entities, float32 `(queries, num_entities)`."""
        states, query = self.encoder(head, relation, training=training, facts=facts)
        judged = None
        if self._vectors is not None:
            judged = self._vectors(head, relation, training=training)
        return ops.cast(self._head(states, query, judged), "float32")
