"""Predicts the missing entity or relation of a fact."""

import keras
from keras import ops

from kgkeras.checks import describe, non_negative
from kgkeras.kg.inverse import check_no_inverses
from kgkeras.layers import EntityEmbedding, RelationEmbedding, TripleEmbedding
from kgkeras.models.candidates import candidate_scores
from kgkeras.models.composed import ComposedModel
from kgkeras.models.id_scores import IdScores
from kgkeras.models.named_answers import NamedAnswers
from kgkeras.models.nearest_entities import NearestEntities
from kgkeras.models.new_entities import with_entities
from kgkeras.models.vocabulary import Vocabulary
from kgkeras.ops import num_replicas
from kgkeras.ops.layer_call import as_layer
from kgkeras.ops.seeds import apart
from kgkeras.registration import serializable
from kgkeras.scorers import Scorer


@serializable
class LinkPredictor(IdScores, NearestEntities, NamedAnswers, ComposedModel):
    """Embeddings of a graph's entities and relations under a scorer, trained by stock `fit`.

    The batches say how it is trained; `kgkeras.pipelines` makes them:

    - `head`, `relation`, `tail` alone: each triple against all entities (1vsAll);
    - with `answers`: each query against all entities, with all its answers (KvsAll);
    - with `negatives`: each triple against sampled entities.

    The loss is the one that `compile` is given, over scores of candidates: see `kgkeras.losses`.

    Args:
        triples: `layers.TripleEmbedding`; `from_graph` makes it.
        scorer: A `scorers.Scorer`.
        reciprocal: Whether the second half of the relations are the inverses of the first
            (`KnowledgeGraph.with_inverses`), through which queries for a head then go (Lacroix et
            al., ICML 2018); otherwise each triple trains both sides.
        regularizer: A `regularizers` object, or None.
        relation_weight: Weight of the loss of predicting the relation between head and tail
            (Chen et al., AKBC 2021), at least 0.
        vocabulary: `models.Vocabulary`, for questions by name; saved beside the weights.

    Call arguments:
        inputs: Dict of `head`, `relation` and `tail`, int32 `(batch,)`; more in training.

    Returns:
        Scores `(batch,)`; higher is more plausible.

    Raises:
        ValueError: If the tables' sizes do not fit the scorer, or the number of relations is odd
            in a reciprocal model.

    Example:
    ```python
    model = LinkPredictor.from_graph(graph, ComplEx(), dim=200)
    model.compile(optimizers.SparseAdagrad(0.1), losses.CrossEntropyLoss())
    batches = pipelines.one_vs_all_batches(graph.with_inverses(), batch_size=512)
    model.fit(batches, steps_per_epoch=1000, epochs=20, shuffle=False)
    model.top_tails("Austria", "has capital", k=3)
    ```
    """

    parts = ("triples", "scorer", "regularizer")
    settings = ("reciprocal", "relation_weight")
    _loss_weights = None

    def __init__(
        self,
        triples,
        scorer,
        *,
        reciprocal=True,
        regularizer=None,
        relation_weight=0.0,
        vocabulary=None,
        **kwargs,
    ):
        check_sizes(triples, scorer, reciprocal)
        inputs = {
            name: keras.Input((), dtype="int32", name=name) for name in ("head", "relation", "tail")
        }
        super().__init__(inputs, scorer(*triples(*inputs.values())), **kwargs)
        # Row-sparse gradients do not compile with XLA, and the CPU's own products are faster.
        self.supports_jit = keras.backend.backend() != "tensorflow"
        self.triples, self.scorer = triples, scorer
        self.regularizer = regularizer
        self.relation_weight = non_negative("relation_weight", relation_weight)
        self.reciprocal = reciprocal
        self.num_entities = triples.entities.num_entities
        self.num_relations = triples.relations.num_relations // (2 if reciprocal else 1)
        self.vocabulary = vocabulary and vocabulary.of_sizes(self.num_entities, self.num_relations)
        logged = {"penalty": regularizer is not None, "relation_loss": self.relation_weight > 0}
        self._trackers = {
            name: keras.metrics.Mean(name=name) for name, used in logged.items() if used
        }

    @classmethod
    def from_graph(
        cls,
        graph,
        scorer,
        dim,
        *,
        encoder=None,
        reciprocal=True,
        entity_dropout=0.0,
        relation_dropout=0.0,
        initializer="glorot_uniform",
        dtype=None,
        **kwargs,
    ):
        """A model for the entities and relations of a graph; it learns nothing yet.

        Args:
            graph: `kg.KnowledgeGraph` or `kg.Splits`, without inverse relations.
            scorer: A `scorers.Scorer`.
            dim: Length of an entity's vector, before it is encoded.
            encoder: Layer that makes what is scored of the tables, such as `graph.GraphEncoder`
                over the same graph; None for the tables themselves. The regularizer and the
                dropout here are of what is scored.
            reciprocal: As for the class. It is trained on batches of `graph.with_inverses()`: on
                those of `graph` alone, relations' inverses, and so heads, would not be learned.
            entity_dropout: Rate at which elements of entities' vectors are dropped in training.
            relation_dropout: The same for relations' vectors.
            initializer: Keras initializer of the tables; a scorer that needs its relations to
                start otherwise (RotatE's phases) says so itself.
            dtype: Keras dtype or policy of the tables.
            **kwargs: As for the class.

        Raises:
            ValueError: If a reciprocal model is given inverse relations, or as for the class.
        """
        check_scorer(scorer)
        if reciprocal:
            check_no_inverses(graph)
        entities = EntityEmbedding(
            graph.num_entities,
            dim,
            initializer=initializer,
            dropout=entity_dropout,
            dtype=dtype,
            name="entities",
        )
        relations = RelationEmbedding(
            graph.num_relations * (2 if reciprocal else 1),
            _relation_dim(scorer, dim, encoder),
            initializer=scorer.relation_initializer() or apart(initializer),
            dropout=relation_dropout,
            dtype=dtype,
            name="relations",
        )
        triples = TripleEmbedding(entities, relations, encoder, name="triples")
        if "vocabulary" not in kwargs:
            kwargs["vocabulary"] = Vocabulary.from_graph(graph)
        return cls(triples, scorer, reciprocal=reciprocal, **kwargs)

    # === Training ===

    def compile(self, *args, metrics=None, weighted_metrics=None, **kwargs):
        """As `keras.Model.compile`, without metrics: `evaluation.RankingCallback` has those."""
        if metrics or weighted_metrics:
            raise ValueError(
                "Ranks among all entities cannot be had of a batch: give `fit` an "
                f"`evaluation.RankingCallback`. {describe(metrics or weighted_metrics)}."
            )
        super().compile(*args, **kwargs)
        names = ("optimizer", "loss", "loss_weights")
        self._loss_weights = dict(zip(names, args, strict=False)).get(
            "loss_weights", kwargs.get("loss_weights")
        )

    def compile_from_config(self, config):
        # Keras' own leaves out models with a `compile` of their own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def call(self, inputs, training=None, mask=None):
        return super().call({name: inputs[name] for name in self._inputs_struct}, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        check_unweighted(sample_weight)
        scored = candidate_scores(self, x, training)
        loss = self.candidate_loss(x, scored, training) + self._added_losses()
        if self.regularizer is not None:
            penalty = scored.per_row(self.regularizer.penalties(self.scorer, *scored.vectors))
            loss += self._log("penalty", penalty, x)
        if self.relation_weight:
            relation_loss = as_layer(lambda: self._relation_loss(scored), training)
            relation_loss = scored.per_row(relation_loss)
            loss += self.relation_weight * self._log("relation_loss", relation_loss, x)
        return loss

    def candidate_loss(self, x, scored, training):
        """The compiled loss of `CandidateScores` of a batch, a replica's share of the mean."""
        if scored.read_by(self.loss) and self._loss_weights is None:
            return ops.mean(self.loss.from_answers(scored.answers, scored.y_pred)) / num_replicas()
        y_true = scored.labels()
        loss = super().compute_loss(x, y_true, scored.y_pred, scored.weight, training)
        return loss - self._added_losses()

    def candidate_logits(self, x, y_pred=None, training=False):
        """What `KnowledgeDistillation` compares: scores `(..., candidates)` of a batch."""
        return candidate_scores(self, x, training).y_pred

    def _relation_loss(self, scored):
        head, _, tail = scored.vectors
        candidates = scored.triples.relations.vectors()
        scores = self.scorer.score_relations(head, candidates, tail)
        return keras.losses.sparse_categorical_crossentropy(
            scored.relation, ops.cast(scores, "float32"), from_logits=True
        )

    def _log(self, name, value, x):
        self._trackers[name].update_state(value, ops.shape(x["head"])[0])
        return value / num_replicas()  # the sum over replicas is the mean, as of Keras' losses

    # === Answers ===

    def add_entities(self, entities, *, vectors=None, facts=None, names=None):
        """A model that also knows new entities; nothing is trained again.

        Args:
            entities: New identifiers.
            vectors: Array `(len(entities), dim)` of their vectors; or
            facts: `(head, relation, tail)` identifiers or names: a new entity's vector is then
                the mean of those of the known entities that it shares a fact with.
            names: Names to show; the identifiers where None.

        Returns:
            A `LinkPredictor` with tables of its own and no encoder, to compile anew before it is
            trained.

        Raises:
            ValueError: If both or neither is given, they do not fit, or an identifier is not new.
        """
        return with_entities(self.as_tables(), entities, vectors, facts, names)


def _relation_dim(scorer, dim, encoder):
    """Length of the relations' vectors in their table."""
    if encoder is None:
        return scorer.relation_dim(dim)
    return encoder.relation_dim(dim) or scorer.relation_dim(encoder.output_dim(dim))


def check_scorer(scorer):
    """Raises a `ValueError` unless it is one."""
    if not isinstance(scorer, Scorer):
        raise ValueError(
            f"`scorer` must be a kgkeras.scorers.Scorer, such as ComplEx(). {describe(scorer)}."
        )


def check_unweighted(sample_weight):
    """Raises a `ValueError` where weights are given that batches should hold."""
    if sample_weight is not None:
        raise ValueError(
            "Weights of triples stand in the batch, as `weight`. Received: `sample_weight`."
        )


def check_sizes(triples, scorer, reciprocal):
    """Raises a `ValueError` unless a `TripleEmbedding` and a scorer fit each other."""
    if not isinstance(triples, TripleEmbedding):
        raise ValueError(f"`triples` must be a TripleEmbedding layer. {describe(triples)}.")
    check_scorer(scorer)
    dim, relation_dim = triples.dim, triples.relation_dim
    wanted = scorer.relation_dim(dim)
    if relation_dim != wanted:
        raise ValueError(
            f"{type(scorer).__name__} needs relation vectors of length {wanted} beside entities' "
            f"of length {dim}. Received: length {relation_dim}."
        )
    if reciprocal and triples.relations.num_relations % 2:
        raise ValueError(
            "A reciprocal model needs an inverse for each relation, so their number must be even. "
            f"Received: {triples.relations.num_relations} relations."
        )
