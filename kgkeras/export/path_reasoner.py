"""Exports a path reasoner: names or questions in, answers and the walks to them out."""

import functools

import numpy as np
import tensorflow as tf

from kgkeras.agents import Questions
from kgkeras.checks import describe, positive_int
from kgkeras.export.card import model_card
from kgkeras.export.entity_names import EntityNames
from kgkeras.export.link_parts import endpoint_of_names, found
from kgkeras.export.question_parts import QuestionParts
from kgkeras.export.walk_names import WalkNames
from kgkeras.export.writer import write_saved_model
from kgkeras.kg.inverse import inverse_relation
from kgkeras.models import Vocabulary
from kgkeras.text import StringTable


def export_path_reasoner(
    model, graph, base, *, preprocessor=None, k=5, samples=("warm",), card=None, version=None
):
    """Writes an `agents.PathReasoner` as a SavedModel that takes and gives names.

    The edges that it walks along, names and search are inside. Of a reasoner that is asked in
    words, the signatures are those of `export_question_answerer`; no fact is only supposed. Of one
    that is asked by head and relation, each over a batch:

    - `serving_default` (also `top_tails`): `head` and `relation` string; gives `tails` string
      `(batch, k)`, the identifiers of the entities that walks most probably come to, `names` string
      `(batch, k)`, their names to show, `scores` float32 `(batch, k)`, the probabilities, and
      `facts` string `(batch, k)`, the most probable walk to each, such as `"Ada | born_in | London
      ; London | capital_of | England"`; "" and 0 fill up where there are fewer. Also `known` bool,
      False where the graph has no such entity or relation.
    - `top_heads`: `relation` and `tail` string; gives `heads` and the same otherwise.

    Args:
        model: A `kgkeras.agents.PathReasoner`.
        graph: The `kgkeras.kg.KnowledgeGraph` of its environment, without inverses.
        base: Folder of the model's versions.
        preprocessor: The `kgkeras.text.Preprocessor` of questions; None if there are none.
        k: Number of answers.
        samples: Typical questions: the server's warmup requests.
        card: Dict that JSON can hold, kept beside the model with the model's class and the sizes of
            its vocabularies.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If `graph` has another number of entities or relations, a preprocessor is
            missing or not needed, there are fewer than `k` entities, or an identifier of an entity
            cannot be kept in a line of text.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    asks_words = isinstance(model.queries, Questions)
    if asks_words != (preprocessor is not None):
        wanted = "a text.Preprocessor" if asks_words else "None, as nothing is asked in words"
        raise ValueError(f"`preprocessor` must be {wanted}. {describe(preprocessor)}.")
    if positive_int("k", k) > model.num_entities:
        raise ValueError(f"`k` must be at most {model.num_entities}, the entities. {describe(k)}.")
    sizes = {"entities": graph.num_entities, "relations": graph.num_relations}
    names = WalkNames(graph.with_inverses(), _Walked(model))
    find = functools.partial(_find, model, k)
    if asks_words:
        sizes["tokens"] = preprocessor.tokenizer.vocabulary_size
        begin = lambda encoded: model.queries.begin(encoded)[:, None]  # noqa: E731
        parts = QuestionParts(preprocessor, names, find=find, begin=begin)
        endpoints = parts.endpoints(samples)
    else:
        parts = _LinkParts(model, find, names, graph)
        endpoints = parts.endpoints()
    card = model_card(card, model, sizes)
    return write_saved_model(base, endpoints, tracked=parts.tracked, card=card, version=version)


class _Walked:
    """The sizes of the graph that a reasoner walks along, inverses included."""

    def __init__(self, model):
        self.num_entities, self.num_relations = model.num_entities, 2 * model.num_relations


def _find(model, k, asked):
    """The best answers of a reasoner, as ids, as `QuestionParts` wants them."""
    found = model.answers(asked, k)
    facts = tf.ensure_shape(found["facts"], [None, k, model.steps, 3])
    return {**found, "facts": facts, "supposed": tf.zeros(tf.shape(facts)[:-1], tf.bool)}


class _LinkParts:
    """The functions behind the signatures that take heads or tails, and relations."""

    def __init__(self, model, find, names, graph):
        self.model, self.find, self.names, self.graph = model, find, names, graph
        self.entity_ids = EntityNames(Vocabulary.from_graph(graph)).ids
        relations = (relation.encode() for relation in graph.relations)
        self.relation_ids = StringTable(relations, range(graph.num_relations), "relations")
        self.tracked = [*names.tracked, self.entity_ids, self.relation_ids]

    def endpoints(self):
        """The signatures, warmed up by the first entities and relations."""
        entities, relations = (
            np.resize(np.array(names[:8], dtype=object), 8)
            for names in (self.graph.entities, self.graph.relations)
        )
        samples = {"head": entities, "relation": relations, "tail": entities}
        return [
            endpoint_of_names("top_tails", self.top_tails, samples, ("head", "relation")),
            endpoint_of_names("top_heads", self.top_heads, samples, ("relation", "tail")),
        ]

    def top_tails(self, head, relation):
        return self._best("tails", *found(self.entity_ids(head), self.relation_ids(relation)))

    def top_heads(self, relation, tail):
        (relation, tail), known = found(self.relation_ids(relation), self.entity_ids(tail))
        relation = inverse_relation(relation, self.model.num_relations)
        return self._best("heads", (tail, relation), known)

    def _best(self, kind, query, known):
        best = self.find(dict(zip(("head", "relation"), query, strict=True)))
        answers = tf.where(known[:, None], best["answers"], -1)
        facts = tf.where((answers >= 0)[..., None, None], best["facts"], -1)
        return {
            kind: self.names.identifiers(answers),
            "names": self.names.names(answers),
            "scores": tf.where(answers >= 0, best["scores"], 0.0),
            "facts": self.names.told(facts),
            "known": known,
        }
