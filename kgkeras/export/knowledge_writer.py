"""Exports a writer: facts in words in, a text about them out."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe
from kgkeras.export.card import model_card
from kgkeras.export.endpoint import Endpoint
from kgkeras.export.entity_names import strings
from kgkeras.export.fact_texts import FactTexts, split_facts
from kgkeras.export.writer import write_saved_model

_PARTS = ("head", "relation", "tail")


def export_knowledge_writer(model, base, *, samples=("warm | is | warm",), card=None, version=None):
    """Writes an `agents.KnowledgeWriter` as a SavedModel that takes facts and gives texts.

    Signatures, each over a batch:

    - `serving_default` (also `write`): `facts` string `(batch,)`, as question answerers and path
      reasoners tell them: `"Ada | born_in | London ; London | capital_of | England"`. Gives `text`
      string `(batch,)`, word by word the most probable; `entities` string `(batch, max_entities)`,
      those of the facts, "" filling up; and `known` bool, False where a fact has not three parts,
      or there are none or more facts or entities than the model takes: there, `text` is "".
    - `write_triples`: `head`, `relation` and `tail` string `(batch, n)`, "" filling up; gives the
      same.

    Args:
        model: A `kgkeras.agents.KnowledgeWriter`.
        base: Folder of the model's versions.
        samples: Typical facts, as `write` takes them: the server's warmup requests.
        card: Dict that JSON can hold, kept beside the model with the model's class and the sizes of
            its vocabularies.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If a sample is not of some facts, as many as the model takes.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    texts = FactTexts(model.tokens)
    card = model_card(card, model, {"tokens": model.tokens.size})
    endpoints = _endpoints(model, texts, samples)
    return write_saved_model(base, endpoints, tracked=texts.tracked, card=card, version=version)


def _endpoints(model, texts, samples):
    def write_triples(head, relation, tail):
        ids, entities, fits = texts.encode(head, relation, tail)
        text = texts.decode(model.write(ids), entities)
        return {"text": tf.where(fits, text, ""), "entities": entities, "known": fits}

    def write(facts):
        return write_triples(*split_facts(facts))

    samples = np.array(list(samples), dtype=object)
    triples = split_facts(samples)
    _, _, fits = texts.encode(*triples)
    if not np.all(fits):
        wrong = samples[np.argmin(fits)]
        raise ValueError(
            'Each of `samples` must be facts such as "Ada | born_in | London", as many as the '
            f"model takes. {describe(wrong)}."
        )
    columns = [tf.TensorSpec([None, None], tf.string, name=name) for name in _PARTS]
    warmup = {name: part.numpy() for name, part in zip(_PARTS, triples, strict=True)}
    return [
        Endpoint("write", write, [strings("facts")], {"facts": samples}),
        Endpoint("write_triples", write_triples, columns, warmup),
    ]
