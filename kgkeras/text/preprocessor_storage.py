"""Preprocessors in a folder of plain files, written whole or not at all.

`preprocessor.json` (the settings, and how many lines the other files have), `vocabulary.txt` (a
word or a piece a line; the line is its place), where there is a linker, `surface_forms.tsv` (what
it looks up, a tab, the entity) and, where facts are told, `told_facts.tsv` (the entity, a tab, the
places of the fact's pieces, blanks between). Lines end in a line feed and nothing else does: a
piece may be what Unicode calls a line separator.
"""

import json
import pathlib
import re

import numpy as np

from kgkeras.checks import describe, one_of
from kgkeras.kg import GraphFormatError
from kgkeras.kg.tables import read_text
from kgkeras.kg.whole_folder import replaced_folder
from kgkeras.text.linker import DictionaryLinker
from kgkeras.text.preprocessor import Preprocessor
from kgkeras.text.surface_forms import FormTable
from kgkeras.text.told_facts import ToldFacts
from kgkeras.text.verbalized_triples import VerbalizedTriples
from kgkeras.text.word_piece_tokenizer import WordPieceTokenizer
from kgkeras.text.word_tokenizer import WordTokenizer

FORMAT = "kgkeras.Preprocessor"
# Changes, too, when texts are split or normalised otherwise: the files hold normal forms.
VERSION = 1
_SETTINGS, _VOCABULARY, _FORMS = "preprocessor.json", "vocabulary.txt", "surface_forms.tsv"
_FACTS = "told_facts.tsv"
_FILES = (_SETTINGS, _VOCABULARY, _FORMS, _FACTS)
_KEYS = ("sequence_length", "marked_only", "tokenizer", "linker", "lines")
_TOKENIZERS = {
    "WordTokenizer": WordTokenizer,
    "WordPieceTokenizer": WordPieceTokenizer.from_pieces,
}
_COLUMNS = ("keys", "entity_ids")  # of a `FormTable`; its other fields are settings
_PAIR = re.compile(rb"([^\t\r]+)\t([0-9]{1,10})")
_FACT = re.compile(rb"([0-9]{1,9})\t((?:[0-9]{1,9} )*[0-9]{1,9}|)")


def save_preprocessor(preprocessor, folder):
    """Writes a preprocessor into a folder, replacing one that is there.

    The graph that its linker and its facts are of is not needed to load it again.

    Args:
        preprocessor: `Preprocessor` of a `WordTokenizer` or a `WordPieceTokenizer`, with a
            `DictionaryLinker` or none; or the `VerbalizedTriples` of such a one.
        folder: A folder of its own.

    Raises:
        ValueError: If the tokenizer or the linker is of another class, or a piece of the vocabulary
            holds a line end.
        GraphFormatError: If the place is taken by anything but an empty folder or one that holds a
            saved preprocessor and nothing else.
    """
    settings, files = _contents(preprocessor)
    text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    with replaced_folder(folder, "saved preprocessor", _FILES, _is_one) as written:
        for name, lines in {**files, _SETTINGS: [text.encode()]}.items():
            (written / name).write_bytes(b"".join(lines))


def load_preprocessor(folder):
    """Reads a preprocessor that `save_preprocessor` wrote.

    Args:
        folder: The folder.

    Returns:
        A `Preprocessor`, or `VerbalizedTriples`, that makes the same of every text.

    Raises:
        GraphFormatError: If the folder holds no saved preprocessor, one of a version that this
            code does not know, or files that are damaged or contradict each other.
    """
    folder = pathlib.Path(folder)
    settings = _read_settings(folder)
    vocabulary = _read_vocabulary(folder / _VOCABULARY)
    columns = None if settings["linker"] is None else _read_forms(folder / _FORMS)
    found = {_VOCABULARY: len(vocabulary)}
    if columns is not None:
        found[_FORMS] = len(columns["keys"])
    facts = settings.get("facts")
    if facts is not None:
        told = _read_facts(folder / _FACTS)
        found[_FACTS] = len(told["heads"])
    if found != settings["lines"]:
        raise GraphFormatError(
            f"must hold as many lines as {_SETTINGS} says: {settings['lines']}. Received: {found}.",
            folder,
        )
    try:
        tokenizer = _tokenizer(vocabulary, **settings["tokenizer"])
        linker = columns and DictionaryLinker.from_form_table(
            FormTable(**columns, **settings["linker"])
        )
        made = Preprocessor(tokenizer, linker, settings["sequence_length"], settings["marked_only"])
        return made if facts is None else _telling(made, told, **facts)
    except (TypeError, ValueError) as error:
        raise GraphFormatError(f"must hold a whole preprocessor: {error}", folder) from error


def _contents(preprocessor):
    """The settings, and the lines of the other files by their names."""
    telling = preprocessor if isinstance(preprocessor, VerbalizedTriples) else None
    preprocessor = telling.preprocessor if telling else preprocessor
    tokenizer, linker = preprocessor.tokenizer, preprocessor.linker
    if type(tokenizer) not in (WordTokenizer, WordPieceTokenizer):
        raise ValueError(
            f"`preprocessor.tokenizer` must be a {' or '.join(_TOKENIZERS)} to be saved. "
            f"{describe(tokenizer)}."
        )
    if type(linker) not in (DictionaryLinker, type(None)):
        raise ValueError(
            f"`preprocessor.linker` must be a DictionaryLinker to be saved. {describe(linker)}."
        )
    files = {_VOCABULARY: [_line(piece) for piece in tokenizer.vocabulary]}
    table = None
    if linker is not None:
        table = linker.form_table()._asdict()
        pairs = zip(*(table.pop(column) for column in _COLUMNS), strict=True)
        files[_FORMS] = [b"%b\t%d\n" % pair for pair in pairs]
    settings = {
        "format": FORMAT,
        "version": VERSION,
        "sequence_length": preprocessor.sequence_length,
        "marked_only": preprocessor.marked_only,
        "tokenizer": {"kind": type(tokenizer).__name__, **tokenizer.get_config()},
        "linker": table,
    }
    if telling:
        told = telling.told_facts()
        files[_FACTS] = _fact_lines(told)
        settings["facts"] = {"max_facts": telling.max_facts, "num_entities": told.num_entities}
    lines = {name: len(lines) for name, lines in files.items()}
    return {**settings, "lines": lines}, files


def _tokenizer(vocabulary, kind, **config):
    return _TOKENIZERS[one_of("kind", kind, tuple(_TOKENIZERS))](vocabulary, **config)


def _telling(preprocessor, told, max_facts, num_entities):
    facts = ToldFacts(**told, num_entities=num_entities)
    made = VerbalizedTriples.from_told_facts(preprocessor, facts, max_facts)
    named = max(preprocessor.linker.form_table().entity_ids)
    if named >= num_entities:
        raise ValueError(
            f"`num_entities` must be above {named}, which a form names. Received: {num_entities}."
        )
    return made


def _is_one(folder):
    path = folder / _SETTINGS
    return path.is_file() and FORMAT.encode() in path.read_bytes()


def _line(piece):
    if "\n" in piece:
        raise ValueError(
            "Each piece of a vocabulary must be without line end, as it is kept in a line of text. "
            f"{describe(piece)}."
        )
    return piece.encode("utf-8") + b"\n"


def _read_settings(folder):
    path = folder / _SETTINGS
    if not path.is_file():
        raise GraphFormatError(f"must be a saved preprocessor. Received: no {_SETTINGS}.", folder)
    try:
        settings = json.loads(read_text(path))
    except GraphFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise GraphFormatError(f"must be JSON: {error}.", path) from error
    if not isinstance(settings, dict):
        raise GraphFormatError("must be a JSON object.", path)
    if (settings.get("format"), settings.get("version")) != (FORMAT, VERSION):
        raise GraphFormatError(
            f"must be of format {FORMAT!r}, version {VERSION}. "
            f"Received: {settings.get('format')!r}, version {settings.get('version')!r}.",
            path,
        )
    missing = [key for key in _KEYS if key not in settings]
    if missing:
        raise GraphFormatError(f"must have the keys {list(_KEYS)}. Missing: {missing}.", path)
    return settings


def _read_vocabulary(path):
    vocabulary = []
    for number, line in enumerate(_lines(path), 1):
        try:
            vocabulary.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            byte = line[error.start]
            raise GraphFormatError(
                f"must be UTF-8. Received: byte 0x{byte:02x}.", path, number
            ) from error
    return vocabulary


def _read_forms(path):
    """The columns of a `FormTable`, by name."""
    ids = {}
    for number, line in enumerate(_lines(path), 1):
        pair = _PAIR.fullmatch(line)
        if pair is None or int(pair[2]) >= 2**31:
            raise GraphFormatError(
                "must hold the words of a form, a tab and the id of an entity. "
                f"Received: {line!r}.",
                path,
                number,
            )
        if pair[1] in ids:
            raise GraphFormatError(f"must not repeat {pair[1]!r}.", path, number)
        ids[pair[1]] = int(pair[2])
    return dict(zip(_COLUMNS, (list(ids), list(ids.values())), strict=True))


def _fact_lines(told):
    pieces = np.split(told.pieces, np.cumsum(told.lengths)[:-1])
    return [
        b"%d\t%b\n" % (head, b" ".join(b"%d" % piece for piece in row))
        for head, row in zip(told.heads, pieces, strict=True)
    ]


def _read_facts(path):
    """The columns of `ToldFacts`, by name."""
    heads, pieces, lengths = [], [], []
    for number, line in enumerate(_lines(path), 1):
        found = _FACT.fullmatch(line)
        if found is None:
            raise GraphFormatError(
                "must hold the id of an entity, a tab and numbers of pieces with blanks between. "
                f"Received: {line!r}.",
                path,
                number,
            )
        row = [int(piece) for piece in found[2].split()]
        heads.append(int(found[1]))
        pieces += row
        lengths.append(len(row))
    columns = {"heads": heads, "pieces": pieces, "lengths": lengths}
    return {name: np.array(column, "int64") for name, column in columns.items()}


def _lines(path):
    """The lines of a file without their line feeds, as bytes."""
    if not path.is_file():
        raise GraphFormatError("must be there. Received: no such file.", path)
    *lines, rest = path.read_bytes().split(b"\n")
    if rest:
        raise GraphFormatError("must end in a line feed: it is cut off.", path, len(lines) + 1)
    return lines
