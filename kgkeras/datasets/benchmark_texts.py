"""Names, descriptions and aliases of the benchmarks' entities and relations."""

import json
import re

from kgkeras.kg import Texts, read_table
from kgkeras.kg.errors import GraphFormatError
from kgkeras.kg.tables import read_lines, read_text

# How a line end, a tab and a quote are written inside the descriptions of FB15k-237.
_ESCAPES = (("\\n", " "), ("\\r", " "), ("\\t", " "), ('\\"', '"'))


def fb15k237(paths, entities, relations):
    """Names, one-sentence descriptions and Wikidata's aliases; names are not unique."""
    names = pairs(paths["entity_names"])
    descriptions = {}
    for identifier, text in pairs(paths["entity_descriptions"]).items():
        description = text.partition(" -- ")[2]  # "name -- description", or a name alone
        for written, meant in _ESCAPES:
            description = description.replace(written, meant)
        descriptions[identifier] = description
    aliases = {}
    for identifier, entry in read_json(paths["entity_aliases"]).items():
        others = dict.fromkeys([entry["label"], *entry["alternatives"]])
        aliases[identifier] = tuple(name for name in others if name != names.get(identifier))
    return (
        Texts.look_up(entities, names=names, descriptions=descriptions, aliases=aliases),
        Texts.look_up(relations, names=pairs(paths["relation_names"])),
    )


def wn18rr(paths, entities, relations):
    """Lemmas as names, which several senses share, and glosses with examples as descriptions."""
    names, descriptions = {}, {}
    for identifier, text in pairs(paths["entity_texts"]).items():
        names[identifier], _, descriptions[identifier] = text.partition(", ")
    return (
        Texts.look_up(entities, names=names, descriptions=descriptions),
        Texts.look_up(relations, names=pairs(paths["relation_names"])),
    )


def umls(paths, entities, relations):
    """Names and encyclopedic descriptions."""
    descriptions = {i: text.strip() for i, text in pairs(paths["entity_descriptions"]).items()}
    return (
        Texts.look_up(entities, names=pairs(paths["entity_names"]), descriptions=descriptions),
        Texts.look_up(relations, names=pairs(paths["relation_names"])),
    )


def conceptnet(paths, entities, relations):
    """Phrases, which are their own names, and relations spelled out: "at location"."""
    spelled = {r: re.sub(r"(?<=[a-z])(?=[A-Z])", " ", r).lower() for r in relations}
    return Texts(names=entities), Texts.look_up(relations, names=spelled)


def codex(paths, entities, relations):
    """Wikidata's labels and descriptions, and the label of each entity's first type.

    Without the file of all entities, a table of some of their labels is used where there is one.
    """
    names, descriptions = {}, {}
    if "entity_texts" in paths:
        names, descriptions = _labels(paths["entity_texts"])
    elif "some_entity_texts" in paths:
        for _, line in read_lines(paths["some_entity_texts"]):
            identifier, names[identifier], descriptions[identifier], _ = line.split("\t")
    type_names, _ = _labels(paths["type_texts"])
    first_type = {i: types[0] for i, types in read_json(paths["entity_types"]).items() if types}
    types = {i: type_names.get(kind, "") for i, kind in first_type.items()}
    relation_names, relation_descriptions = _labels(paths["relation_texts"])
    return (
        Texts.look_up(entities, names=names, descriptions=descriptions, types=types),
        Texts.look_up(relations, names=relation_names, descriptions=relation_descriptions),
    )


def pairs(path):
    """Dict of text by identifier from a file of tab separated pairs."""
    return dict(read_table(path, ("identifier", "text"), header=False))


def read_json(path):
    """The object in a JSON file.

    Raises:
        GraphFormatError: If the file is no JSON, or no object.
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise GraphFormatError(f"must be JSON: {error}.", path) from error
    if not isinstance(content, dict):
        raise GraphFormatError(f"must be a JSON object. Received: {type(content)}.", path)
    return content


def _labels(path):
    """Labels and descriptions by identifier, from CoDEx's JSON."""
    entries = read_json(path)
    labels = {identifier: entry["label"] for identifier, entry in entries.items()}
    return labels, {identifier: entry["description"] for identifier, entry in entries.items()}
