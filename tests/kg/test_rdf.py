"""RDF: facts, names and literals, the same from N-Triples and from Turtle."""

import subprocess
import sys

import pytest

from kgkeras import kg

EX = "http://example.org/"
NTRIPLES = f"""# people
<{EX}anna> <{EX}knows> <{EX}bert> .
<{EX}anna> <http://www.w3.org/2000/01/rdf-schema#label> "Anna"@en .
<{EX}anna> <http://www.w3.org/2000/01/rdf-schema#label> "Ana"@es .

<{EX}anna> <http://www.w3.org/2004/02/skos/core#altLabel> "Ann"@en-GB .
<{EX}anna> <http://www.w3.org/2004/02/skos/core#altLabel> "Anna" .
<{EX}anna> <http://schema.org/description> "a \\"painter\\"" .
<{EX}anna> <{EX}age> "41"^^<http://www.w3.org/2001/XMLSchema#integer> .
<{EX}anna> <{EX}knows> _:someone .
_:someone <{EX}knows> <{EX}bert> .
<{EX}knows> <http://www.w3.org/2000/01/rdf-schema#label> "knows" .
<{EX}cleo> <http://www.w3.org/2004/02/skos/core#prefLabel> "Cleo" .
<{EX}anna> <{EX}knows> <{EX}bert> .
"""
TURTLE = f"""@prefix ex: <{EX}> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
ex:anna ex:knows ex:bert ;
    rdfs:label "Anna"@en, "Ana"@es ;
    skos:altLabel "Ann"@en-GB, "Anna" ;
    <http://schema.org/description> "a \\"painter\\"" ;
    ex:age 41 ;
    ex:knows _:someone .
_:someone ex:knows ex:bert .
ex:knows rdfs:label "knows" .
ex:cleo skos:prefLabel "Cleo" .
"""
AGE = '"41"^^<http://www.w3.org/2001/XMLSchema#integer>'


@pytest.mark.parametrize(
    ("name", "content", "blank"),
    [("people.nt", NTRIPLES, "_:someone"), ("people.ttl", TURTLE, "_:b0")],
)
def test_statements_become_facts_and_texts(tmp_path, name, content, blank):
    (tmp_path / name).write_text(content)
    graph = kg.read(tmp_path / name)
    assert graph.entities == (EX + "anna", EX + "bert", AGE, blank, EX + "cleo")
    assert graph.relations == (EX + "knows", EX + "age")
    assert graph.triples.tolist() == [[0, 0, 1], [0, 1, 2], [0, 0, 3], [3, 0, 1]]
    assert graph.entity_texts.names == ("Anna", "", "41", "", "Cleo")
    assert graph.entity_texts.aliases == (("Ann",), (), (), (), ())
    assert graph.entity_texts.descriptions == ('a "painter"', "", "", "", "")
    assert graph.relation_texts.names == ("knows", "")


def test_blank_nodes_of_turtle_are_numbered_in_the_order_of_the_file(tmp_path):
    path = tmp_path / "blank.ttl"
    path.write_text(f"@prefix ex: <{EX}> .\nex:a ex:r [ ex:r _:z ] .\n_:z ex:r ex:a .\n")
    graph = kg.read_turtle(path)
    assert set(graph.entities) == {EX + "a", "_:b0", "_:b1"}
    assert all(kg.read_turtle(path) == graph for _ in range(3))


def test_a_wrong_line_is_named(tmp_path):
    path = tmp_path / "people.nt"
    path.write_text(NTRIPLES + f"<{EX}anna> <{EX}knows> bert .\n")
    with pytest.raises(kg.GraphFormatError, match=r"people\.nt:15: must be N-Triples"):
        kg.read_ntriples(path)
    path = tmp_path / "people.ttl"
    path.write_text(TURTLE + "ex:anna ex:knows .\n")
    with pytest.raises(kg.GraphFormatError, match=r"people\.ttl:13: must be Turtle"):
        kg.read_turtle(path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ('"\\UFFFFFFFF"', "must be N-Triples: .+"),
        ('"\\uD800"', r"must be N-Triples: there must be no half of a surrogate pair.*ud800"),
        ('"a"@e0-x', "must be N-Triples: .+"),
        (f"<{EX}\\uDFFF>", "half of a surrogate pair"),
        (f'"1"^^<{EX}\\uDFFF>', "half of a surrogate pair"),
    ],
)
def test_characters_that_do_not_exist_are_refused(tmp_path, wrong, message):
    path = tmp_path / "people.nt"
    path.write_text(NTRIPLES + f"<{EX}anna> <{EX}knows> {wrong} .\n")
    with pytest.raises(kg.GraphFormatError, match=rf"people\.nt:15: .*{message}"):
        kg.read_ntriples(path)
    path = tmp_path / "people.ttl"
    path.write_text(TURTLE + f"ex:anna ex:knows {wrong} .\n")
    with pytest.raises(kg.GraphFormatError, match=r"people\.ttl:13: must be Turtle: .+"):
        kg.read_turtle(path)


@pytest.mark.parametrize(
    "wrong", ['"open', "'", '"end"', "[" * 3000, "(" * 3000, '"a"@', "{ ex:a ex:r ex:b }", '"a"^^1']
)
def test_broken_turtle_is_refused_with_its_line(tmp_path, wrong):
    path = tmp_path / "people.ttl"
    path.write_text(TURTLE + f"ex:anna ex:knows {wrong}")
    with pytest.raises(kg.GraphFormatError, match=r"people\.ttl:13: must be Turtle: .+"):
        kg.read_turtle(path)


@pytest.mark.parametrize("suffix", [".nt", ".ttl"])
def test_literals_are_kept_as_written_on_one_line(tmp_path, suffix):
    integer = "http://www.w3.org/2001/XMLSchema#integer"
    literals = {
        f'"007"^^<{integer}>': ("007", f'"007"^^<{integer}>'),
        f'"7"^^<{integer}>': ("7", f'"7"^^<{integer}>'),
        '"a\\nb\\tc\\r\\\\\\"\\u0001"': ('a\nb\tc\r\\"\x01', '"a\\nb\\tc\\r\\\\\\"\\u0001"'),
        '"colour"@en-GB': ("colour", '"colour"@en-gb'),
        '"x"^^<http://www.w3.org/2001/XMLSchema#string>': ("x", '"x"'),
    }
    path = tmp_path / f"values{suffix}"
    path.write_text("".join(f"<{EX}a> <{EX}r> {literal} .\n" for literal in literals))
    graph = kg.read(path)
    assert graph.entities[1:] == tuple(identifier for _, identifier in literals.values())
    assert graph.entity_texts.names[1:] == tuple(name for name, _ in literals.values())


def test_the_switch_of_rdflib_is_put_back(tmp_path):
    rdflib = pytest.importorskip("rdflib")
    (tmp_path / "broken.nt").write_text("nothing")
    for before in (True, False):
        rdflib.NORMALIZE_LITERALS, default = before, rdflib.NORMALIZE_LITERALS
        try:
            with pytest.raises(kg.GraphFormatError, match="must be N-Triples"):
                kg.read(tmp_path / "broken.nt")
            assert rdflib.NORMALIZE_LITERALS is before
        finally:
            rdflib.NORMALIZE_LITERALS = default


@pytest.mark.parametrize("name", ["none.nt", "none.ttl"])
def test_files_without_a_statement_are_refused(tmp_path, name):
    (tmp_path / name).write_text("# nothing\n")
    with pytest.raises(kg.GraphFormatError, match="must have at least one statement"):
        kg.read(tmp_path / name)


def test_without_rdflib_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "people.nt").write_text(NTRIPLES)
    monkeypatch.setitem(sys.modules, "rdflib", None)
    with pytest.raises(ImportError, match=r"extra `rdf`: pip install kgkeras\[rdf\]"):
        kg.read(tmp_path / "people.nt")


def test_the_room_needs_neither_tensorflow_nor_rdflib():
    code = (
        "import sys; from kgkeras import kg; kg.KnowledgeGraph.from_triples([('a', 'r', 'b')]);"
        "sys.exit(bool({'tensorflow', 'keras', 'rdflib'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
