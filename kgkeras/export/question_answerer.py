"""Exports a question answerer: a question in, names and the facts that led to them out."""

from kgkeras.export.card import model_card
from kgkeras.export.question_parts import QuestionParts
from kgkeras.export.walk_names import WalkNames
from kgkeras.export.writer import write_saved_model


def export_question_answerer(
    model, preprocessor, graph, base, *, samples=("warm",), card=None, version=None
):
    """Writes a `QuestionAnswerer` as a SavedModel that takes questions as plain strings.

    Facts, names and the linker are inside. Signatures, each over a batch:

    - `serving_default` (also `answer`): `question` string; gives, for the walk's `k` answers, best
      first, `answers` string `(batch, k)`, their names, `identifiers` string `(batch, k)`, `scores`
      float32 `(batch, k)` and `facts` string `(batch, k)`: the walk that led to the answer, such as
      `"Ada | born_in | London ; London | capital_of | England"`, a fact that is only supposed
      ending in " ?"; where there are fewer answers, "" and 0 fill up. Also `entities` string
      `(batch, max_mentions)`, the names of the entities that the walks began at, filled up with "",
      and `known` bool, False where there are none.
    - `classify`: `inputs`, serialised `tf.Example`s with a string feature `question`; gives the
      answers as `classes` string and their `scores` float32, each `(batch, k)`.
    - `explain`: `question` string; tells how it was read, as that of `export_joint_model` does, but
      for the weights.
    - `answer_ids`: `token_ids` int32, `padding_mask` bool and `entity_ids` int32, each
      `(batch, words)`; gives ids, as the model does: `answers` int32 `(batch, k)`, `scores` float32
      `(batch, k)`, `facts` int32 `(batch, k, hops, 3)` and `supposed` bool `(batch, k, hops)`,
      filled up with -1, 0 and False.

    Args:
        model: A `kgkeras.models.QuestionAnswerer`.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        graph: The `kgkeras.kg.KnowledgeGraph` whose facts it walks along. Where those have inverses
            that `graph` has not, it is `graph.with_inverses()` that names their relations.
        base: Folder of the model's versions.
        samples: Typical questions: the server's warmup requests.
        card: Dict that JSON can hold, kept beside the model with the model's class and the sizes of
            its vocabularies.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If `graph` has another number of entities or relations, or an identifier of an
            entity cannot be kept in a line of text.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    sizes = {"entities": graph.num_entities, "relations": graph.num_relations}
    sizes["tokens"] = preprocessor.tokenizer.vocabulary_size
    card = model_card(card, model, sizes)
    names = WalkNames(graph, model.walk.facts)
    parts = QuestionParts(
        preprocessor,
        names,
        find=lambda encoded: model(encoded, training=False),
        begin=lambda encoded: model.get_layer("mention_ids")(encoded["entity_ids"]),
    )
    endpoints = parts.endpoints(samples)
    return write_saved_model(base, endpoints, tracked=parts.tracked, card=card, version=version)
