"""Predicts missing facts by what is written of entities and by their place in the graph."""

import keras
import numpy as np
from keras import ops

from kgkeras.checks import non_negative
from kgkeras.kg.inverse import check_no_inverses
from kgkeras.layers import FusedEntityEmbedding, RelationEmbedding, TripleEmbedding
from kgkeras.layers.fused_entities import VIEWS, seen_as
from kgkeras.models.candidates import candidate_scores
from kgkeras.models.encoded_tables import with_tables
from kgkeras.models.link_predictor import LinkPredictor, check_scorer
from kgkeras.models.vocabulary import Vocabulary
from kgkeras.ops import num_replicas
from kgkeras.ops.seeds import apart
from kgkeras.registration import serializable


@serializable
class FusedLinkPredictor(LinkPredictor):
    """A `LinkPredictor` whose entities' vectors are text and structure, combined by a fusion layer.

    Texts come as vectors, such as those that `TextIndex.entity_vectors` has of a frozen or a tuned
    encoder. An entity without facts in training has no structure: its text alone is scored. So
    `add_entities` asks for nothing but the texts of new entities, and `about` answers on another
    graph's entities.

    Trained, ranked, saved and exported as any `LinkPredictor`. Where text explains much of a fact,
    structure learns little of it, and the other way round: with a `view_weight` each of the two
    alone also has to tell the answers of a batch.

    Args:
        triples: `layers.TripleEmbedding` whose entities are a `layers.FusedEntityEmbedding`;
            `from_graph` makes it.
        scorer: As for `LinkPredictor`.
        view_weight: Weight of the losses of structure alone and of text alone, at least 0; they
            are logged as `structure_loss` and `text_loss`.
        **kwargs: As for `LinkPredictor`.

    Raises:
        ValueError: If `view_weight` is negative, there is one without a fusion, or as for
            `LinkPredictor`.

    Example:
    ```python
    index = TextLinkPredictor(encoder).index(texts)
    model = FusedLinkPredictor.from_graph(
        splits, ComplEx(), 256, index.entity_vectors(), fusion=layers.GatedFusion()
    )
    ```
    """

    settings = (*LinkPredictor.settings, "view_weight")

    def __init__(self, triples, scorer, *, view_weight=0.0, **kwargs):
        super().__init__(triples, scorer, **kwargs)
        self.view_weight = non_negative("view_weight", view_weight)
        if view_weight:
            if triples.entities.fusion is None:
                raise ValueError("`view_weight` needs a fusion. Received: texts alone.")
            self._trackers |= {
                f"{view}_loss": keras.metrics.Mean(name=f"{view}_loss") for view in VIEWS
            }

    @classmethod
    def from_graph(
        cls,
        graph,
        scorer,
        dim,
        text_vectors,
        *,
        fusion=None,
        hidden=None,
        structure_dropout=0.0,
        text_dropout=0.0,
        reciprocal=True,
        entity_dropout=0.0,
        relation_dropout=0.0,
        initializer="glorot_uniform",
        dtype=None,
        **kwargs,
    ):
        """A model for the entities and relations of a graph; it learns nothing yet.

        Args:
            graph: `kg.KnowledgeGraph` or `kg.Splits`, without inverse relations. Entities without
                a training fact have no structure.
            scorer: A `scorers.Scorer`.
            dim: Length of an entity's vector.
            text_vectors: Array `(num_entities, text_dim)`.
            fusion: As for `layers.FusedEntityEmbedding`, like the next three; None for texts alone.
            hidden: Units of the hidden layer behind texts, or None.
            structure_dropout: Rate at which entities' structure is left out in training.
            text_dropout: Rate at which elements of texts' vectors are dropped in training.
            reciprocal: As for `LinkPredictor.from_graph`, like all that follow.
            entity_dropout: Of entities' vectors, made of both.
            relation_dropout: Of relations' vectors.
            initializer: Of the tables.
            dtype: Of the tables.
            **kwargs: As for `LinkPredictor`.

        Raises:
            ValueError: As `LinkPredictor.from_graph` and `layers.FusedEntityEmbedding`.
        """
        check_scorer(scorer)
        if reciprocal:
            check_no_inverses(graph)
        train = getattr(graph, "train", graph)
        structured = np.zeros(train.num_entities, "bool")
        structured[train.triples[:, [0, 2]]] = True
        entities = FusedEntityEmbedding(
            train.num_entities,
            dim,
            text_vectors,
            structured=structured,
            fusion=fusion,
            hidden=hidden,
            structure_dropout=structure_dropout,
            text_dropout=text_dropout,
            initializer=initializer,
            dropout=entity_dropout,
            dtype=dtype,
            name="entities",
        )
        relations = RelationEmbedding(
            train.num_relations * (2 if reciprocal else 1),
            scorer.relation_dim(dim),
            initializer=scorer.relation_initializer() or apart(initializer),
            dropout=relation_dropout,
            dtype=dtype,
            name="relations",
        )
        triples = TripleEmbedding(entities, relations, name="triples")
        if "vocabulary" not in kwargs:
            kwargs["vocabulary"] = Vocabulary.from_graph(train)
        return cls(triples, scorer, reciprocal=reciprocal, **kwargs)

    @classmethod
    def from_structure(cls, model, graph, text_vectors, *, fusion, **kwargs):
        """A model that begins with the vectors of one that was trained on structure alone.

        How much of the texts it begins with is up to the fusion: next to nothing where
        `layers.GatedFusion` has a low `initial_bias`. As structure explains the facts that it has
        learned, texts only get to say something where `structure_dropout` leaves structure out.

        Args:
            model: `LinkPredictor`; what an encoder makes of its tables, if it has one. It stays as
                it is.
            graph: The `kg.KnowledgeGraph` or `kg.Splits` that it was trained on.
            text_vectors: As for `from_graph`.
            fusion: As for `from_graph`, but not None.
            **kwargs: Further arguments of `from_graph`.

        Raises:
            ValueError: If `model` knows other entities or relations than `graph`, or in another
                order, `fusion` is None, or as `from_graph`.
        """
        if fusion is None:
            raise ValueError("`fusion` must combine structure and text. Received: None.")
        _check_same(model, Vocabulary.from_graph(getattr(graph, "train", graph)))
        known = model.as_tables()
        scorer = type(known.scorer).from_config(known.scorer.get_config())
        options = {**kwargs, "fusion": fusion, "reciprocal": known.reciprocal}
        fused = cls.from_graph(graph, scorer, known.triples.dim, text_vectors, **options)
        for new, old in (
            (fused.triples.entities.table, known.triples.entities.table),
            (fused.triples.relations.table, known.triples.relations.table),
            *zip(fused.scorer.variables, known.scorer.variables, strict=True),
        ):
            new.assign(old)
        return fused

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not self.view_weight:
            return loss
        for view in VIEWS:
            with seen_as(view):
                scored = candidate_scores(self, x, training)
            alone = self.candidate_loss(x, scored, training)
            self._log(f"{view}_loss", alone * num_replicas(), x)
            loss += self.view_weight * alone
        return loss

    def as_tables(self, into=None):
        """A plain `LinkPredictor` with the same answers, as `LinkPredictor.as_tables`."""
        return with_tables(self, into, LinkPredictor)

    def entity_vectors(self):
        """NumPy array `(num_entities, dim)`: text and structure in one."""
        return ops.convert_to_numpy(ops.cast(self.triples.entities.vectors(), "float32"))

    def add_entities(self, entities, *, text_vectors, names=None):
        """A model that also knows new entities by their texts; nothing is trained again.

        Args:
            entities: New identifiers.
            text_vectors: Array `(len(entities), text_dim)`, made as those of the other entities.
            names: Names to show; the identifiers where None.

        Returns:
            A `FusedLinkPredictor` with tables of its own, to compile anew before it is trained.

        Raises:
            ValueError: If the vectors do not fit, or an identifier is not new.
        """
        vocabulary = self.names.extended(entities, names)
        return self._with_texts(vocabulary, text_vectors, kept=self.num_entities)

    def about(self, graph, text_vectors):
        """A model that answers about the entities of another graph, by their texts alone.

        Args:
            graph: `kg.KnowledgeGraph` or `kg.Splits` with the same relations.
            text_vectors: Array `(graph.num_entities, text_dim)`, made as those of training.

        Returns:
            A `FusedLinkPredictor` with tables of its own.

        Raises:
            ValueError: If the relations are others, or the vectors do not fit.
        """
        vocabulary = Vocabulary.from_graph(getattr(graph, "train", graph))
        known = self.vocabulary.relations if self.vocabulary else vocabulary.relations
        if vocabulary.relations != known or len(known) != self.num_relations:
            raise ValueError(
                f"`graph` must have the model's {self.num_relations} relations, in the same order. "
                f"Received: {len(vocabulary.relations)} relations."
            )
        return self._with_texts(vocabulary, text_vectors, kept=0)

    def _with_texts(self, vocabulary, text_vectors, kept):
        """The model whose first `kept` entities are its own; the others have texts alone."""
        old, total = self.triples.entities, len(vocabulary.entities)
        text_vectors = np.asarray(text_vectors, dtype="float32")
        if text_vectors.shape != (total - kept, old.text_dim):
            raise ValueError(
                f"`text_vectors` must have the shape ({total - kept}, {old.text_dim}). "
                f"Received: shape {text_vectors.shape}."
            )
        config = self.get_config()
        config["triples"]["config"]["entities"]["config"]["num_entities"] = total
        grown = type(self).from_config(config)
        grown.vocabulary = vocabulary
        rows = {id(old.texts): text_vectors, id(old.structured): None}
        if old.fusion is not None:
            rows[id(old.table)] = None
        for new, variable in zip(grown.variables, self.variables, strict=True):
            if id(variable) in rows:
                added = rows[id(variable)]
                if added is None:
                    added = np.zeros((total - kept, variable.shape[1]), "float32")
                variable = ops.concatenate([variable[:kept], added])
            new.assign(variable)
        return grown


def _check_same(model, vocabulary):
    """Raises `ValueError` unless a model knows these entities and relations, in this order."""
    known = model.vocabulary
    for name in ("entities", "relations"):
        wanted = getattr(vocabulary, name)
        same = len(wanted) == getattr(model, f"num_{name}")
        if known is not None:
            same = same and tuple(wanted) == tuple(getattr(known, name))
        if not same:
            raise ValueError(
                f"`model` must know the {len(wanted)} {name} of `graph`, in their order. "
                f"Received: a model of {getattr(model, f'num_{name}')} {name}."
            )
