"""Exports models of texts and a graph: plain strings in, names out."""

from kgkeras.export.text_parts import TextParts, card_of_texts, check_classes
from kgkeras.export.writer import write_saved_model


def export_joint_model(
    model, preprocessor, graph, classes, base, *, samples=("warm",), card=None, version=None
):
    """Writes a model of texts as a SavedModel that takes plain strings.

    Signatures, each over a batch:

    - `serving_default` (also `predict`): `text` string; gives `label` string, `score` float32 (the
      label's probability) and `entities` string `(batch, max_mentions)`: the names of the entities
      found in the text, filled up with ""; where texts have marks in them, `(batch, mentions)`,
      those of the marked mentions, "" where one is not known.
    - `predict_ids`: `token_ids` int32, `padding_mask` bool and `entity_ids` int32, each
      `(batch, words)`; gives `scores` float32 `(batch, classes)`.
    - `classify`: `inputs`, serialised `tf.Example`s with a string feature `text`; gives `classes`
      string and `scores` float32, each `(batch, classes)`.
    - `regress`, of a model with a binary head: the same examples; gives `outputs` float32
      `(batch,)`, the probability of the last class.
    - `explain`: `text` string; tells how it was read, word by word, each `(batch, words)`: `words`
      string, as spelled, `starts` and `ends` int32, offsets in bytes in the text, filled up with ""
      and -1, `entities` string, the name of the entity at each word, "" for none, `mentions` bool,
      True at the first word of each mention, and, if the fusion layer weighs knowledge, `weights`
      float32: how much of it enters the word.
    - `embed_entities`: `entity` string, an identifier of the graph or a name that no other entity
      has; gives `embedding` float32 `(batch, dim)` and `known` bool, False where there is no such
      entity.

    Args:
        model: A `kgkeras.models.JointModel`, `RelationClassifier` or `EntityTyper` whose head has
            `probabilities`.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        graph: The `kgkeras.kg.KnowledgeGraph` it was trained with; None for a text-only model,
            which then has no `explain`, no `embed_entities` and finds no entities.
        classes: Names of the classes, one a logit; two for a binary head (no, yes).
        base: Folder of the model's versions.
        samples: Typical texts: the server's warmup requests.
        card: Dict that JSON can hold, kept beside the model with the model's class and the sizes of
            its vocabularies.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If the number of classes is not that of the head's logits, or a graph is given
            with a text-only model or missing with another.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    check_classes(model.head, classes)
    if (graph is None) != (model.triples is None):
        raise ValueError(
            "`graph` must be given with a model of texts and a graph, and with no other. "
            f"Received: {graph!r} with triples={model.triples!r}."
        )
    card = card_of_texts(card, model, preprocessor, graph, classes)
    parts = TextParts(model, preprocessor, graph, classes)
    endpoints = parts.endpoints(samples)
    return write_saved_model(base, endpoints, tracked=parts.tracked, card=card, version=version)
