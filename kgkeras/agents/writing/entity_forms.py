"""How an entity of a graph may be written in a text."""

import datetime
import re

FORMS = 3

_NUMBER = re.compile(r"(-?\d+)(\.\d+)?")


def entity_forms(name):
    """The `FORMS` ways to write an entity, the first the fullest; some may be the same.

    Underscores and quotation marks of RDF go; a date is also written in words, a number without
    ".0" and with a comma, a person also by the last name, and what has more behind a comma or in
    brackets also without it.
    """
    plain = re.sub(r"\s+", " ", name.replace("_", " ")).strip('" ') or name
    others = _dates(plain) or _numbers(plain) or _shortened(plain)
    forms = list(dict.fromkeys([plain, *others]))[:FORMS]
    return tuple(forms + [plain] * (FORMS - len(forms)))


def _dates(plain):
    try:
        date = datetime.date.fromisoformat(plain)
    except ValueError:
        return []
    return [f"{date:%B} {date.day}, {date.year}", f"{date.day} {date:%B} {date.year}"]


def _numbers(plain):
    match = _NUMBER.fullmatch(plain)
    if not match:
        return []
    whole = match[1] if not (match[2] or "").strip(".0") else plain
    return [whole, f"{float(plain):,.10g}"]


def _shortened(plain):
    forms = [re.sub(r" \([^)]*\)$", "", plain), re.sub(r",.*", "", plain)]
    words = forms[0].split(" ")
    if 2 <= len(words) <= 3 and all(word.isalpha() and word[0].isupper() for word in words):
        forms.append(words[-1])
    return [form for form in forms if form]
