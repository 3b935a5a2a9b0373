"""How an entity of a graph may be written in a text."""

import functools
import re

import tensorflow as tf

FORMS = 3

_MONTHS = (
    "January February March April May June July August September October November December"
).split()
# Patterns that Python's `re` and TensorFlow's RE2 understand alike, so that a served model writes
# as one in Python does. Each leaves alone what it is not made for.
_BLANKS = r"[_ \t\n\r\f\v]+"
_EDGES = r'^[" ]+|[" ]+$'
_DAYS = [
    (rf"^([0-9]{{4}})-{month:02}-0?([1-9]|[12][0-9]|3[01])$", name)
    for month, name in enumerate(_MONTHS, 1)
]
_TIDY_NUMBER = ((r"^(-?[0-9]+)\.0+$", r"\1"), (r"^(-?[0-9]+\.[0-9]*[1-9])0+$", r"\1"))
# Sets one comma, so it is done as often as there may be commas.
_COMMA = (r"^(-?[0-9]+)([0-9]{3}(?:,[0-9]{3})*(?:\.[0-9]+)?)$", r"\1,\2")
_NO_BRACKETS = (r" \([^)]*\)$", "")
_FORMS = (
    tuple((pattern, rf"{month} \2, \1") for pattern, month in _DAYS),
    tuple((pattern, rf"\2 {month} \1") for pattern, month in _DAYS),
    _TIDY_NUMBER,
    (*_TIDY_NUMBER, *[_COMMA] * 6),
    (_NO_BRACKETS,),
    ((r",.*", ""),),
)
# Python's `re` knows no classes of letters: `_last_name` is its twin.
_LAST_NAME = (r"^(?:\p{Lu}\p{L}* ){1,2}(\p{Lu}\p{L}*)$", r"\1")


@functools.lru_cache(maxsize=100_000)
def entity_forms(name):
    """The `FORMS` ways to write an entity, the first the fullest; some may be the same.

    Underscores and quotation marks of RDF go; a date is also written in words, a number without
    ".0" and with commas, a person also by the last name, and what has more behind a comma or in
    brackets also without it.
    """
    plain = re.sub(_EDGES, "", re.sub(_BLANKS, " ", name)) or name
    others = [_rewritten(plain, rules) for rules in _FORMS]
    others.append(_last_name(_rewritten(plain, (_NO_BRACKETS,))))
    forms = [form for form in dict.fromkeys([plain, *others]) if form][:FORMS]
    return tuple(forms + [plain] * (FORMS - len(forms)))


def entity_forms_of_tensor(names):
    """`entity_forms` of string tensors: `(batch, entities)` to `(batch, entities, FORMS)`."""
    replace = tf.strings.regex_replace
    plain = replace(replace(names, _BLANKS, " "), _EDGES, "")
    plain = tf.where(plain == "", names, plain)
    forms = [plain]
    for rules in (*_FORMS, (_NO_BRACKETS, _LAST_NAME)):
        forms.append(functools.reduce(lambda form, rule: replace(form, *rule), rules, plain))
    forms = tf.stack(forms, axis=-1)  # (batch, entities, n)
    # Those that are empty or have come before go behind the others, which keep their order.
    count = forms.shape[-1]
    same = tf.equal(forms[..., :, None], forms[..., None, :])
    first = tf.argmax(tf.cast(same, tf.int32), axis=-1, output_type=tf.int32)
    kept = tf.equal(first, tf.range(count)) & tf.not_equal(forms, "")
    order = tf.argsort(tf.cast(~kept, tf.int32), axis=-1, stable=True)[..., :FORMS]
    chosen = tf.gather(forms, order, batch_dims=2)
    there = tf.range(FORMS) < tf.reduce_sum(tf.cast(kept, tf.int32), axis=-1, keepdims=True)
    return tf.where(there, chosen, plain[..., None])


def _rewritten(text, rules):
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    return text


def _last_name(plain):
    words = plain.split(" ")
    is_person = all(word.isalpha() and word[0].isupper() for word in words)
    return words[-1] if 2 <= len(words) <= 3 and is_person else ""
