"""Reads the tables of this folder into entities and facts."""

import collections
import functools
import importlib.resources
import re
import unicodedata

from kgkeras.kg import KnowledgeGraph, Texts

# Which column or group makes which relation, which type of entity stands at its other end, and
# whether the state is its head.
_COLUMNS = {
    "capital": ("city", True),
    "official_language": ("language", True),
    "currency": ("currency", True),
    "city_in": ("city", False),
    "landmark_in": ("landmark", False),
    "national_park_in": ("national park", False),
    "island_of": ("island", False),
    "highest_point": ("mountain", True),
    "member_of": ("organisation", True),
    "driving_side": ("driving side", True),
    "government": ("form of government", True),
    "coast_on": ("sea", True),
    "flows_through": ("river", False),
    "runs_through": ("mountain range", False),
    "lies_in": ("lake", False),
}

# Descriptions tell the kind of thing only: one that told facts would answer link prediction.
_DESCRIPTIONS = {
    "state": "A sovereign state.",
    "city": "A city or town.",
    "subregion": "A group of states in the United Nations' M49 standard.",
    "continent": "A continent.",
    "language": "A language.",
    "currency": "A currency.",
    "landmark": "A building, monument, site or natural sight.",
    "national park": "A national park.",
    "island": "An island.",
    "mountain": "A mountain.",
    "organisation": "An organisation or group of states.",
    "driving side": "The side of the road that traffic keeps to.",
    "form of government": "A form of government.",
    "sea": "A sea, ocean or gulf.",
    "river": "A river.",
    "mountain range": "A mountain range.",
    "lake": "A lake or reservoir.",
}

# Letters that Unicode does not decompose into a plain one and a mark.
_PLAIN = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ı": "i", "ð": "d", "Þ": "Th"}
    | {"þ": "th", "æ": "ae", "ə": "a", "ʻ": "'"}
)


def load():
    """The graph of geography; what it holds is told in `kgkeras.datasets.geography`.

    Identifiers are readable (`france`, `paris`, `language:french`); names, aliases (with the
    spelling without accents among them), types and one-line descriptions are in `entity_texts`.

    Returns:
        A `KnowledgeGraph`.
    """
    return _world()[0]


def spoken_names():
    """How a sentence calls each entity: `{identifier: name}`, with "the" where English has it."""
    return _world()[1]


def identifiers_by_code():
    """The state that each two-letter code of the tables stands for, as `{code: identifier}`."""
    return {
        row["code"]: identifier(row["name"].removeprefix("the ")) for row in table("states.tsv")
    }


def table(name):
    """The rows of a table of this folder, as a list of dicts by the header's names."""
    text = importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    header, *rows = (line.split("\t") for line in text.splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


@functools.cache
def texts_by_relation(name, column):
    """A column of a table of this folder, as lists by the relation that each row is about."""
    texts = collections.defaultdict(list)
    for row in table(name):
        texts[row["relation"]].append(row[column])
    return dict(texts)


def plain(name):
    """The name without accents, as keyboards write it."""
    decomposed = unicodedata.normalize("NFKD", name.translate(_PLAIN))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def identifier(name, kind="state"):
    """The identifier of the entity called `name` without its article."""
    slug = re.sub(r"[^a-z0-9]+", "_", plain(name).replace("'", "").lower()).strip("_")
    return f"{kind}:{slug}" if kind in ("language", "currency") else slug


class _Collector:
    """Gathers entities and facts while the tables are read."""

    def __init__(self):
        self.names, self.spoken, self.aliases, self.types = {}, {}, {}, {}
        self.facts = set()

    def entity(self, spoken, kind, aliases=""):
        """Adds an entity where it is new; `spoken` may begin with "the ". Returns its id."""
        name = spoken.removeprefix("the ")
        entity = identifier(name, kind)
        if self.types.setdefault(entity, kind) != kind:
            raise ValueError(
                f"An entity must have one type. Received: {name!r} as {self.types[entity]} "
                f"and as {kind}."
            )
        self.names[entity] = name
        self.spoken[entity] = f"the {name}" if kind == "currency" else spoken
        written = [name, *filter(None, aliases.split("|"))]
        known = dict.fromkeys([*self.aliases.get(entity, ()), *written, *map(plain, written)])
        self.aliases[entity] = tuple(alias for alias in known if alias != name)
        return entity

    def fact(self, relation, state, spoken, aliases=""):
        """Adds the fact that ties a state to the entity `spoken`, in the relation's direction."""
        kind, state_first = _COLUMNS[relation]
        other = self.entity(spoken, kind, aliases)
        self.facts.add((state, relation, other) if state_first else (other, relation, state))


@functools.cache
def _world():
    collected = _Collector()
    states = {
        row["code"]: collected.entity(row["name"], "state", row["aliases"])
        for row in table("states.tsv")
    }
    _read_states(collected, states)
    for row in table("places.tsv"):
        for relation in list(row)[1:]:
            for spoken in _listed(row[relation]):
                collected.fact(relation, states[row["code"]], spoken)
    for row in table("groups.tsv"):
        for code in _codes(row["states"], states):
            collected.fact(row["relation"], states[code], row["name"], row["aliases"])
    return _graph(collected), dict(collected.spoken)


def _read_states(collected, states):
    subregions = {row["subregion"]: row["continent"] for row in table("subregions.tsv")}
    for subregion, continent in subregions.items():
        whole = collected.entity(continent, "continent")
        if subregion != continent:  # South America is its own subregion.
            part = collected.entity(subregion, "subregion")
            collected.facts.add((part, "part_of", whole))
    for row in table("states.tsv"):
        state, subregion = states[row["code"]], row["subregion"]
        collected.facts.add((state, "subregion", identifier(subregion)))
        collected.facts.add((state, "continent", identifier(subregions[subregion])))
        for code in row["borders"].split():
            collected.facts.add((state, "borders", states[code]))
        if row["capital"]:
            collected.fact("capital", state, *row["capital"].split("|", 1))
        for relation in ("currency", "official_language"):
            for spoken in _listed(row[relation]):
                collected.fact(relation, state, spoken)


def _listed(cell):
    return [name for name in cell.split(", ") if name]


def _codes(cell, states):
    """The codes of a cell, which may be written as `all but` those that follow."""
    if not cell.startswith("all but "):
        return cell.split()
    excluded = set(cell.removeprefix("all but ").split())
    return [code for code in states if code not in excluded]


def _graph(collected):
    entities = sorted(collected.names)
    relations = table("relations.tsv")
    names = [row["id"] for row in relations]
    texts = Texts.look_up(
        entities,
        names=collected.names,
        descriptions={entity: _DESCRIPTIONS[kind] for entity, kind in collected.types.items()},
        aliases=collected.aliases,
        types=collected.types,
    )
    return KnowledgeGraph.from_triples(
        sorted(collected.facts),
        entities=entities,
        relations=names,
        entity_texts=texts,
        relation_texts=Texts(
            names=[row["name"] for row in relations],
            descriptions=[row["description"] for row in relations],
        ),
    )
