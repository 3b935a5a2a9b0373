"""Graphs from RDF: N-Triples line by line, Turtle in one go. Needs rdflib, loaded when used.

What becomes of a statement:

- Between IRIs or blank nodes it is a fact. An IRI is its own identifier; a blank node is `_:` and
  its label in N-Triples, `_:b0`, `_:b1`, ... in the order of the file in Turtle.
- A literal of rdfs:label or skos:prefLabel is a name (the first one; the others are aliases), of
  skos:altLabel an alias, of schema:description or rdfs:comment a description (the first one).
  Those in a language other than English are left out.
- Any other literal is an entity: its identifier is the literal as canonical N-Triples writes it,
  on one line, quotes and type included; its name is the plain value. Nothing is normalised ("01"
  and "1" differ) but the language, which is in lower case, and numbers that Turtle has bare.

An IRI of which only texts are known is an entity without facts, unless it is a relation.
"""

import contextlib
import pathlib
import re

from kgkeras.kg.errors import GraphFormatError
from kgkeras.kg.graph import KnowledgeGraph
from kgkeras.kg.tables import read_lines, read_text
from kgkeras.kg.texts import Texts

_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_SKOS = "http://www.w3.org/2004/02/skos/core#"
_NAMES = {_RDFS + "label", _SKOS + "prefLabel"}
_ALIASES = {_SKOS + "altLabel"}
_DESCRIPTIONS = {
    "http://schema.org/description",
    "https://schema.org/description",
    _RDFS + "comment",
}
_XSD_STRING = "http://www.w3.org/2001/XMLSchema#string"
_ESCAPES = {code: f"\\u{code:04X}" for code in (*range(0x20), 0x7F)}
_ESCAPES |= {ord(c): f"\\{e}" for c, e in zip('\b\t\n\f\r"\\', 'btnfr"\\', strict=True)}
_SURROGATE = re.compile("[\ud800-\udfff]")
_TURTLE_ERRORS = (
    SyntaxError,
    AssertionError,
    LookupError,
    ValueError,
    TypeError,
    OverflowError,
    RecursionError,
)
_TEXTS = _NAMES | _ALIASES | _DESCRIPTIONS


def read_ntriples(path):
    """Reads an N-Triples file, `.gz` or plain, into a `KnowledgeGraph`; see the module.

    Raises:
        GraphFormatError: If a line is no N-Triples or holds half a surrogate pair (with the line),
            or there is no statement.
        ImportError: If rdflib is not installed.
    """
    _import_rdflib()
    from rdflib.plugins.parsers.ntriples import ParseError, W3CNTriplesParser

    statements = _Statements()
    parser = W3CNTriplesParser(sink=statements, bnode_context=_KeptLabels())
    with _literals_as_written():
        for number, line in read_lines(path):
            parser.line = line
            try:
                parser.parseline()
            except (ParseError, ValueError, OverflowError) as error:
                raise GraphFormatError(f"must be N-Triples: {error}.", path, number) from error
    return statements.graph(path)


def read_turtle(path):
    """Reads a Turtle file, `.gz` or plain, into a `KnowledgeGraph`; see the module.

    Raises:
        GraphFormatError: If the file is no Turtle or holds half a surrogate pair (with the line),
            or there is no statement.
        ImportError: If rdflib is not installed.
    """
    rdflib = _import_rdflib()
    from rdflib.plugins.parsers.notation3 import RDFSink, SinkParser

    text = read_text(path)
    statements = _Statements(rename_blank_nodes=True)

    class Ordered(rdflib.Graph):
        """A graph that also tells its statements on in the order of the file."""

        def add(self, statement):
            statements.triple(*statement)
            return super().add(statement)

    base = pathlib.Path(path).absolute().as_uri()
    parser = SinkParser(RDFSink(Ordered()), baseURI=base, turtle=True)
    try:
        with _literals_as_written():
            parser.loadBuf(text)
    except _TURTLE_ERRORS as error:
        # Asserts, indices and the stack are how rdflib meets some of what is no Turtle.
        told = str(error) or type(error).__name__
        raise GraphFormatError(f"must be Turtle: {told}.", path, parser.lines + 1) from error
    return statements.graph(path)


def _import_rdflib():
    try:
        import rdflib
    except ImportError as error:
        raise ImportError(
            "Reading RDF needs rdflib, the extra `rdf`: pip install kgkeras[rdf]"
        ) from error
    return rdflib


@contextlib.contextmanager
def _literals_as_written():
    """Keeps rdflib from normalising literals; it has but a global switch for that."""
    rdflib = _import_rdflib()
    before, rdflib.NORMALIZE_LITERALS = rdflib.NORMALIZE_LITERALS, False
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS = before


def _checked(term):
    """A term as text, which UTF-8 can hold."""
    text = str(term)
    if _SURROGATE.search(text):
        raise ValueError(f"there must be no half of a surrogate pair. Received: {text!r}")
    return text


class _KeptLabels(dict):
    """Blank nodes by label; rdflib would draw new ones at random."""

    def get(self, label, default=None):
        return label


class _Statements:
    """Sorts statements into facts and texts: the sink of rdflib's parsers."""

    def __init__(self, rename_blank_nodes=False):
        self._blank = {} if rename_blank_nodes else None
        self._facts = {}
        self._names = {}
        self._aliases = {}
        self._descriptions = {}
        self._described = {}

    def triple(self, subject, predicate, value):
        """Takes one statement."""
        import rdflib

        head, relation = self._identifier(subject), _checked(predicate)
        if isinstance(value, rdflib.Literal) and relation in _TEXTS:
            self._described[head] = None
            language = (value.language or "en").lower()
            if language == "en" or language.startswith("en-"):
                self._add_text(head, relation, _checked(value))
            return
        tail = self._identifier(value)
        if isinstance(value, rdflib.Literal) and str(value):
            self._names.setdefault(tail, str(value))
        self._facts[head, relation, tail] = None  # a set of statements, in order

    def graph(self, path):
        """The graph of what was taken."""
        if not self._facts and not self._described:
            raise GraphFormatError("must have at least one statement. Received: none.", path)
        relations = dict.fromkeys(relation for _, relation, _ in self._facts)
        ends = (end for head, _, tail in self._facts for end in (head, tail))
        entities = dict.fromkeys(ends)
        entities.update(dict.fromkeys(i for i in self._described if i not in relations))
        texts = {
            "names": self._names,
            "descriptions": self._descriptions,
            "aliases": self._aliases,
        }
        return KnowledgeGraph.from_triples(
            self._facts,
            entities=entities,
            relations=relations,
            entity_texts=Texts.look_up(entities, **texts),
            relation_texts=Texts.look_up(relations, **texts),
        )

    def _add_text(self, identifier, relation, text):
        if relation in _DESCRIPTIONS:
            self._descriptions.setdefault(identifier, text)
        elif relation in _NAMES and identifier not in self._names:
            self._names[identifier] = text
        elif text != self._names.get(identifier):
            aliases = self._aliases.setdefault(identifier, [])
            if text not in aliases:
                aliases.append(text)

    def _identifier(self, term):
        import rdflib

        if isinstance(term, rdflib.Literal):
            return _ntriples(term)
        if isinstance(term, rdflib.BNode):
            label = str(term)
            if self._blank is not None:
                label = self._blank.setdefault(label, f"b{len(self._blank)}")
            return f"_:{label}"
        return _checked(term)


def _ntriples(literal):
    """A literal as canonical N-Triples writes it: one line, the language in lower case."""
    quoted = f'"{_checked(literal).translate(_ESCAPES)}"'
    if literal.language:
        return f"{quoted}@{literal.language.lower()}"
    datatype = _checked(literal.datatype or _XSD_STRING)
    return quoted if datatype == _XSD_STRING else f"{quoted}^^<{datatype}>"
