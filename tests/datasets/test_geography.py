"""The bundled graph of geography: its facts are many, tidy and true."""

import collections
import re

import numpy as np
import pytest

from kgkeras import datasets
from kgkeras.datasets import geography
from kgkeras.datasets.geography import facts

# What ISO 3166 calls states for which English has a very different name.
ENGLISH_STATES = {
    "CD": "The Democratic Republic of the",
    "CI": "Côte d'Ivoire",
    "CV": "Cabo Verde",
    "RU": "Russian Federation",
    "ST": "Sao Tome and Principe",
    "TL": "Timor-Leste",
    "TR": "Türkiye",
}
# ISO 639-3 codes of languages that the standard calls by another name.
ENGLISH_LANGUAGES = {
    "Comorian": "zdj",
    "Dhivehi": "div",
    "Fula": "ful",
    "Greek": "ell",
    "Haitian Creole": "hat",
    "Kirundi": "run",
    "Kyrgyz": "kir",
    "Mooré": "mos",
    "Māori": "mri",
    "Nauruan": "nau",
    "Northern Ndebele": "nde",
    "Northern Sotho": "nso",
    "Pashto": "pus",
    "Seychellois Creole": "crs",
    "Slovene": "slv",
    "Sotho": "sot",
    "Southern Ndebele": "nbl",
    "Swazi": "ssw",
    "Tongan": "ton",
    "Tuvaluan": "tvl",
}
# Members as each body counts them, less those that are no sovereign state of the graph (the EU and
# the AU in the G20; Western Sahara; Montserrat; the Cook Islands and Niue; Hong Kong).
MEMBERS = {
    "united_nations": 193,
    "african_union": 55 - 1,
    "arab_league": 22,
    "asean": 11,
    "asia_pacific_economic_cooperation": 21 - 1,
    "brics": 10,
    "caribbean_community": 15 - 1,
    "commonwealth_of_nations": 56,
    "council_of_europe": 46,
    "european_union": 27,
    "eurozone": 21,
    "g20": 21 - 2,
    "g7": 7,
    "nato": 32,
    "oecd": 38,
    "opec": 12,
    "pacific_islands_forum": 18 - 2 - 2,
    "schengen_area": 29,
    "shanghai_cooperation_organisation": 10,
    "southern_african_development_community": 16,
}


@pytest.fixture(scope="module")
def graph():
    return geography.load()


@pytest.fixture(scope="module")
def triples(graph):
    return {
        (graph.entities[head], graph.relations[relation], graph.entities[tail])
        for head, relation, tail in graph.triples.tolist()
    }


@pytest.fixture(scope="module")
def types(graph):
    return dict(zip(graph.entities, graph.entity_texts.types, strict=True))


def of(triples, relation):
    return [(head, tail) for head, name, tail in triples if name == relation]


def test_is_large_enough_and_repeats_nothing(graph, triples, types):
    assert sum(kind == "state" for kind in types.values()) == 197
    assert graph.num_relations >= 12
    assert graph.num_triples >= 3000
    assert len(triples) == graph.num_triples
    assert {relation for _, relation, _ in triples} == set(graph.relations)
    assert {end for head, _, tail in triples for end in (head, tail)} == set(graph.entities)


@pytest.mark.parametrize(
    "fact",
    [
        ("france", "capital", "paris"),
        ("bolivia", "capital", "sucre"),
        ("south_africa", "capital", "pretoria"),
        ("france", "borders", "brazil"),
        ("peru", "continent", "south_america"),
        ("cyprus", "subregion", "western_asia"),
        ("western_asia", "part_of", "asia"),
        ("bulgaria", "currency", "currency:euro"),
        ("switzerland", "official_language", "language:romansh"),
        ("danube", "flows_through", "serbia"),
        ("nepal", "highest_point", "mount_everest"),
        ("china", "highest_point", "mount_everest"),
        ("the_hague", "city_in", "netherlands"),
        ("jakarta", "city_in", "indonesia"),
        ("nakai_nam_theun_national_park", "national_park_in", "laos"),
        ("japan", "driving_side", "left_hand_traffic"),
        ("peru", "driving_side", "right_hand_traffic"),
        ("norway", "government", "monarchy"),
        ("finland", "government", "republic"),
    ],
)
def test_holds(triples, fact):
    assert fact in triples


def test_what_has_changed_or_is_disputed_is_left_out(graph, triples):
    # Merged into another park; never a national park.
    assert not {"theth_national_park", "nam_ha_national_park"} & set(graph.entities)
    # The highest mountain of the mainland only: Heard Island has a higher one.
    assert "australia" not in {head for head, _ in of(triples, "highest_point")}


def test_is_known_by_name(graph):
    np.testing.assert_array_equal(datasets.load("geography").triples, graph.triples)


def test_borders_hold_both_ways(triples):
    borders = set(of(triples, "borders"))
    assert borders == {(tail, head) for head, tail in borders}
    assert all(head != tail for head, tail in borders)
    neighbours = collections.Counter(head for head, _ in borders)
    assert neighbours["russia"] == neighbours["china"] == 14
    assert neighbours["lesotho"] == neighbours["portugal"] == 1
    assert neighbours["iceland"] == 0


@pytest.mark.parametrize(
    "relation",
    [
        *("capital", "city_in", "continent", "currency", "driving_side", "government"),
        *("highest_point", "island_of", "landmark_in", "national_park_in", "part_of", "subregion"),
    ],
)
def test_functional_relations_name_one_tail(triples, relation):
    heads = collections.Counter(head for head, _ in of(triples, relation))
    assert heads
    assert not [head for head, count in heads.items() if count > 1]


def test_states_have_what_each_must_have(triples, types):
    states = {entity for entity, kind in types.items() if kind == "state"}
    for relation in ("continent", "subregion", "currency", "driving_side"):
        assert {head for head, _ in of(triples, relation)} == states
    assert states - {head for head, _ in of(triples, "capital")} == {
        *("equatorial_guinea", "indonesia", "israel", "monaco", "nauru", "palestine"),
        *("singapore", "vatican_city"),
    }
    assert states - {head for head, _ in of(triples, "government")} == {"afghanistan"}


@pytest.mark.parametrize(("organisation", "count"), MEMBERS.items())
def test_organisations_have_all_their_members(triples, organisation, count):
    assert sum(tail == organisation for _, tail in of(triples, "member_of")) == count


def test_only_landlocked_states_have_no_coast(triples, types):
    coastal = {head for head, _ in of(triples, "coast_on")}
    landlocked = {entity for entity, kind in types.items() if kind == "state"} - coastal
    # 45 of the 197 touch no ocean; three of them lie on the Caspian Sea.
    assert len(landlocked) == 45 - 3
    assert {"bolivia", "mongolia", "uganda", "switzerland"} <= landlocked


def test_what_runs_through_several_states_crosses_their_borders(triples):
    neighbours = collections.defaultdict(set)
    for head, tail in of(triples, "borders"):
        neighbours[head].add(tail)
    for relation in ("flows_through", "runs_through", "lies_in"):
        states = collections.defaultdict(set)
        for place, state in of(triples, relation):
            states[place].add(state)
        for place, crossed in states.items():
            reached, waiting = set(), [min(crossed)]
            while waiting:
                state = waiting.pop()
                waiting += (neighbours[state] & crossed) - reached
                reached |= {state}
            assert reached == crossed, place


def test_capitals_are_no_other_city_of_the_state(triples):
    cities = set(of(triples, "city_in"))
    assert not [pair for pair in of(triples, "capital") if pair[::-1] in cities]


def test_every_name_and_alias_means_one_entity(graph):
    meant = collections.defaultdict(set)
    texts = graph.entity_texts
    for entity, name, aliases in zip(graph.entities, texts.names, texts.aliases, strict=True):
        assert len({name, *aliases}) == 1 + len(aliases)
        for written in (name, *aliases):
            meant[written.casefold()].add(entity)
    assert not {name: entities for name, entities in meant.items() if len(entities) > 1}
    assert meant["holland"] == {"netherlands"}
    assert meant["krakow"] == meant["kraków"] == {"krakow"}
    assert meant["lodz"] == {"lodz"}


def test_texts_are_there_and_tidy(graph):
    for texts in (graph.entity_texts, graph.relation_texts):
        for name, description in zip(texts.names, texts.descriptions, strict=True):
            assert name == " ".join(name.split())
            assert not name.startswith("the ")
            assert description.endswith(".")
    assert all(graph.entity_texts.types)


def test_descriptions_tell_the_type_and_no_fact(graph):
    texts = graph.entity_texts
    told = set(zip(texts.types, texts.descriptions, strict=True))
    assert len(told) == len(set(texts.types))


def test_an_entity_has_one_type():
    collected = facts._Collector()
    collected.entity("Split", "city")
    with pytest.raises(ValueError, match=r"one type. Received: 'Split' as city and as island"):
        collected.entity("Split", "island")


def test_names_agree_with_the_iso_standards(graph, types):
    pycountry = pytest.importorskip("pycountry", reason="the ISO tables come from pycountry")
    states = facts.identifiers_by_code()
    names = dict(zip(graph.entities, graph.entity_texts.names, strict=True))
    for code, entity in states.items():
        if code != "XK":  # Kosovo's code is a private one.
            country = pycountry.countries.get(alpha_2=code)
            known = (getattr(country, f"{kind}name", "") for kind in ("", "common_", "official_"))
            name = re.escape(ENGLISH_STATES.get(code, names[entity]))
            assert any(re.search(rf"\b{name}\b", written) for written in known), name
    languages = {
        re.sub(r" \(.*", "", name)
        for language in pycountry.languages
        for name in (language.name, getattr(language, "inverted_name", language.name))
    }
    units = {
        facts.plain(word).lower()
        for currency in pycountry.currencies
        for word in currency.name.replace("’", "'").replace("Tugrik", "tögrög").split()
    } | {"shekel"}
    for entity, kind in types.items():
        name = names[entity]
        if kind == "language" and name != "Berber":  # A family of languages to ISO.
            code = ENGLISH_LANGUAGES.get(name)
            assert pycountry.languages.get(alpha_3=code) if code else name in languages, name
        if kind == "currency":
            assert facts.plain(name).lower().split()[-1] in units, name


def test_identifiers_are_plain():
    assert facts.identifier("Côte d'Azur") == "cote_dazur"
    assert facts.identifier("Łódź") == "lodz"
    assert facts.identifier("French", "language") == "language:french"
