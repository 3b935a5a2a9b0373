"""Exports a masked language model: sentences with gaps in, words and entities out."""

from kgkeras.checks import positive_int
from kgkeras.export.card import model_card
from kgkeras.export.masked_lm_parts import MaskedLMParts
from kgkeras.export.writer import write_saved_model


def export_masked_lm(
    model,
    preprocessor,
    graph,
    base,
    *,
    k=10,
    max_masks=8,
    samples=("a [MASK] text.",),
    card=None,
    version=None,
):
    """Writes a `KnowledgeMaskedLM` as a SavedModel that takes plain strings.

    Signatures, each over a batch:

    - `serving_default` (also `fill_mask`): `text` string, with `[MASK]` where tokens are missing;
      gives `tokens` string and `scores` float32, `(batch, max_masks, k)`: the likeliest tokens for
      each mask, best first, and their probabilities; "" and 0 where there is no such mask. Of a
      model with `entity_candidates` also `entity_answers` and `entity_scores`, the same of
      entities, with at most as many as there are. Of a model with a graph also `entities` string
      `(batch, mentions)`, the names of the entities found in the text, filled up with "".
    - `next_sentence`: `first` and `second` string; gives `score` float32 `(batch,)`, the
      probability that the second sentence follows. Only of a model that learned it.
    - Where entities have a table, `embed_entities`: `entity` string; gives `embedding` float32
      `(batch, dim)` and `known` bool; and `score`: `head`, `relation` and `tail` string, names;
      gives `score` float32 `(batch,)` and `known`, False where a name is not, whose score is then
      the lowest float32.
    - Where entities are described, `embed_text`: `text` string, a description; gives `embedding`;
      and `score`, whose `head` and `tail` are descriptions.

    Args:
        model: A `kgkeras.models.KnowledgeMaskedLM`.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        graph: The `kgkeras.kg.KnowledgeGraph` it was trained with; None for the text-only twin.
        base: Folder of the model's versions.
        k: Number of answers for each mask.
        max_masks: Most masks of a text; further ones have no answers.
        samples: Typical texts: the server's warmup requests.
        card: Dict that JSON can hold, kept beside the model with the model's class and the sizes of
            its vocabularies.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If a number is out of range, the tokenizer has no mask, or a graph is given with
            a text-only model or missing with another.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    sizes = {"tokens": preprocessor.tokenizer.vocabulary_size}
    _check_graph(model, graph)
    if graph is not None:
        sizes |= {"entities": graph.num_entities, "relations": graph.num_relations}
    card = model_card(card, model, sizes)
    numbers = positive_int("k", k), positive_int("max_masks", max_masks)
    parts = MaskedLMParts(model, preprocessor, graph, *numbers)
    endpoints = parts.endpoints(tuple(samples))
    return write_saved_model(base, endpoints, tracked=parts.tracked, card=card, version=version)


def _check_graph(model, graph):
    if (graph is None) != (model.triples is None):
        raise ValueError(
            "`graph` must be given with a model of texts and a graph, and with no other. "
            f"Received: {graph!r} with triples={model.triples!r}."
        )
    if graph is None:
        return
    for kind in ("entities", "relations"):
        table = getattr(model.triples, kind, None)  # Described entities have none.
        size = getattr(table, f"num_{kind}", None)
        if size not in (None, getattr(graph, f"num_{kind}")):
            raise ValueError(f"`graph` must have the model's {size} {kind}. Received: {graph!r}.")
