"""Graphs for tests, and a hypothesis strategy that draws them."""

import numpy as np
from hypothesis import strategies as st

from kgkeras import kg

FAMILY = (
    ("anna", "parent_of", "bert"),
    ("anna", "parent_of", "cleo"),
    ("bert", "sibling_of", "cleo"),
    ("cleo", "sibling_of", "bert"),
    ("bert", "knows", "bert"),
)


def family():
    """Five facts about three people."""
    return kg.KnowledgeGraph.from_triples(FAMILY)


def random_graph(seed, num_entities=20, num_relations=3, num_triples=80, types=None):
    """A graph of random facts, some of them repeated."""
    rng = np.random.default_rng(seed)
    sizes = [num_entities, num_relations, num_entities]
    return kg.KnowledgeGraph(
        tuple(f"e{i}" for i in range(num_entities)),
        tuple(f"r{i}" for i in range(num_relations)),
        rng.integers(sizes, size=(num_triples, 3)),
        entity_texts=types and kg.Texts(types=types),
    )


def labelled(graph):
    """The facts of a graph as identifiers."""
    return [
        (graph.entities[h], graph.relations[r], graph.entities[t])
        for h, r, t in graph.triples.tolist()
    ]


@st.composite
def drawn_graphs(draw):
    """Any graph: any identifiers, any texts, any facts, none included."""
    identifier = st.text(min_size=1, max_size=6).filter(str.strip)
    entities = draw(st.lists(identifier, min_size=1, max_size=5, unique=True))
    relations = draw(st.lists(identifier, min_size=1, max_size=3, unique=True))
    fact = st.tuples(
        st.integers(0, len(entities) - 1),
        st.integers(0, len(relations) - 1),
        st.integers(0, len(entities) - 1),
    )
    triples = draw(st.lists(fact, max_size=8))

    def texts(length):
        word = st.lists(st.text(max_size=5), min_size=length, max_size=length)
        words = st.lists(st.text(max_size=4), max_size=2).map(tuple)
        aliases = st.lists(words, min_size=length, max_size=length)
        return kg.Texts(draw(word), draw(word), draw(aliases), draw(word))

    return kg.KnowledgeGraph(
        entities,
        relations,
        np.array(triples, dtype="int64").reshape(-1, 3),
        entity_texts=texts(len(entities)),
        relation_texts=texts(len(relations)),
    )
