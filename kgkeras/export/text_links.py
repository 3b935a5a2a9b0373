"""Exports a bi-encoder of texts as a link predictor: names or texts in, names out."""

import numpy as np
import tensorflow as tf

from kgkeras.export.card import model_card
from kgkeras.export.link_parts import LinkParts, check_answers, check_encoder, endpoint_of_names
from kgkeras.export.writer import write_saved_model
from kgkeras.kg.inverse import inverse_relation
from kgkeras.models import Vocabulary
from kgkeras.pipelines import TripleTexts

_SAMPLES = ("a thing", "a thing: it is told in a sentence of some length, of about twenty words.")


def export_text_index(
    index, preprocessor, base, *, k=10, known=None, samples=_SAMPLES, card=None, version=None
):
    """Writes a `TextIndex` as a SavedModel that takes and gives names, or takes texts.

    The vectors of its entities are inside; queries are encoded as they come. The signatures are
    those of `export_link_predictor`, and these, which need no entity of the graph:

    - `top_tails_of_text`: `text`, an entity's name or "name: description", and `relation` string;
      gives the same as `top_tails`. Nothing is left out.
    - `top_heads_of_text`: `relation` and `text` string; gives the same as `top_heads`.
    - `embed_text`: `text` string; gives `embedding` float32 `(batch, dim)`, of length 1, to compare
      with those of entities.

    Args:
        index: A `kgkeras.models.TextIndex` with a vocabulary.
        preprocessor: A `kgkeras.text.Preprocessor` with the tokenizer of the index's texts and, as
            its length, the most tokens of one.
        base: Folder of the model's versions.
        k: Number of answers.
        known: `kg.KnowledgeGraph` over the index's entities and relations, whose own answers
            `top_tails` and `top_heads` leave out; it adds 24 bytes a fact. None leaves none out.
        samples: Typical texts of entities: the server's warmup requests.
        card: Dict that JSON can hold, kept beside the model with the model's class and the sizes of
            its vocabularies.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: As `export_link_predictor`, or if the encoder is a `text.CachedEncoder`.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    check_answers(index, k, known)
    check_encoder(index.model.encoder)
    sizes = {
        "entities": index.num_entities,
        "relations": index.num_relations,
        "tokens": preprocessor.tokenizer.vocabulary_size,
    }
    card = model_card(card, index.model, sizes)
    index.refresh()
    parts = _TextLinkParts(index, preprocessor, int(k), known, tuple(samples))
    return write_saved_model(
        base, parts.endpoints(), tracked=parts.tracked, card=card, version=version
    )


def export_text_link_predictor(model, preprocessor, graph, base, **options):
    """Reads the texts of a graph and writes what answers about its entities.

    Args:
        model: A `kgkeras.models.TextLinkPredictor`.
        preprocessor: As for `export_text_index`.
        graph: The `kgkeras.kg.KnowledgeGraph` of the entities to answer about.
        base: Folder of the model's versions.
        **options: The further arguments of `export_text_index`.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: As `export_text_index`, or if the graph has inverse relations.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    texts = TripleTexts.from_graph(
        graph, preprocessor.tokenizer, max_tokens=preprocessor.sequence_length
    )
    index = model.index(texts, vocabulary=Vocabulary.from_graph(graph))
    return export_text_index(index, preprocessor, base, **options)


class _TextLinkParts(LinkParts):
    """Adds signatures whose entity is a text."""

    def __init__(self, index, preprocessor, k, known, samples):
        vocabulary, embedding = index.vocabulary, index.embed
        super().__init__(index, vocabulary, k, known, embedding=embedding, by_product=True)
        self.preprocessor, self._texts = preprocessor, samples
        self.tracked.append(preprocessor)

    def endpoints(self):
        count = len(self._texts)
        relations = np.resize(np.array(self.vocabulary.relations[:count], object), count)
        samples = {"text": np.array(self._texts, object), "relation": relations}
        return [
            *super().endpoints(),
            *(
                endpoint_of_names(name, getattr(self, name), samples, inputs)
                for name, inputs in (
                    ("top_tails_of_text", ("text", "relation")),
                    ("top_heads_of_text", ("relation", "text")),
                    ("embed_text", ("text",)),
                )
            ),
        ]

    def top_tails_of_text(self, text, relation):
        return self._top("tails", text, self.relation_ids(relation), lambda ids: ids)

    def top_heads_of_text(self, relation, text):
        count = self.model.num_relations
        return self._top(
            "heads", text, self.relation_ids(relation), lambda ids: inverse_relation(ids, count)
        )

    def embed_text(self, text):
        encoded = self.preprocessor(text)
        columns = encoded["token_ids"], encoded["padding_mask"]
        return {"embedding": self.model.model.encode_entities(*columns)}

    def _top(self, kind, text, relation, direction):
        known = relation >= 0
        encoded = self.preprocessor(text)
        scores = self.model.score_tails_of_texts(
            encoded["token_ids"], encoded["padding_mask"], direction(tf.maximum(relation, 0))
        )
        return self.best(kind, scores, known)
