"""Facts in words: sets of triples, each with texts that tell them."""

import dataclasses
import re
import xml.etree.ElementTree as ElementTree

from kgkeras.datasets.fetch import data_folder
from kgkeras.kg.errors import GraphFormatError

_FOLDER = "WebNLG/release_v2_constrained/xml"
HOMEPAGE = "https://gitlab.com/shimorina/webnlg-dataset"


@dataclasses.dataclass(frozen=True)
class VerbalisedFacts:
    """Facts that belong together, and texts that tell them all and nothing else.

    Attributes:
        triples: Names of head, relation and tail of each.
        texts: One text or more.
    """

    triples: tuple[tuple[str, str, str], ...]
    texts: tuple[str, ...]


def read_webnlg(split):
    """Reads a split of WebNLG v2 constrained, no test triple of which is in train or dev.

    Raises:
        FileNotFoundError: If the data folder lacks it; there is no address to download it from.
        GraphFormatError: If a file is not as published.
    """
    root = data_folder()
    folder = None if root is None else root / _FOLDER / split
    if folder is None or not folder.is_dir():
        raise FileNotFoundError(
            f"WebNLG needs the folder {_FOLDER}/{split} in the data folder that KGKERAS_DATA "
            f"names; see {HOMEPAGE}."
        )
    paths = sorted(folder.glob("*triples/*.xml"))
    return tuple(entry for path in paths for entry in _entries(path))


def _entries(path):
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise GraphFormatError(f"{path}: not XML: {error}") from error
    for entry in root.iter("entry"):
        triples = tuple(tuple(t.text.split(" | ")) for t in entry.find("modifiedtripleset"))
        if not triples or any(len(triple) != 3 for triple in triples):
            raise GraphFormatError(
                f"{path}: entry {entry.get('eid')}: each triple must have three parts. "
                f"Received: {triples}."
            )
        texts = (re.sub(r"\s+", " ", lex.text or "").strip() for lex in entry.iter("lex"))
        yield VerbalisedFacts(triples, tuple(text for text in texts if text))
