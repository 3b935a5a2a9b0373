"""Texts: what is not given is empty, what is given is checked."""

import pytest

from kgkeras import kg


def test_fields_that_are_not_given_are_empty():
    texts = kg.Texts(descriptions=["a city", ""])
    assert texts.names == ("", "")
    assert texts.descriptions == ("a city", "")
    assert texts.aliases == ((), ())
    assert texts.types == ("", "")
    assert len(texts) == 2
    assert len(kg.Texts()) == 0


def test_look_up_follows_the_identifiers_and_drops_others():
    texts = kg.Texts.look_up(
        ["b", "a", "c"], names={"a": "Anna", "x": "Xaver"}, aliases={"b": ["Bertie", "Berti"]}
    )
    assert texts.names == ("", "Anna", "")
    assert texts.aliases == (("Bertie", "Berti"), (), ())
    assert texts.descriptions == ("", "", "")
    assert kg.Texts.look_up(["a", "b"]) == kg.Texts.empty(2)


def test_take_reorders_every_field():
    texts = kg.Texts(("a", "b"), ("da", "db"), (("x",), ()), ("ta", "tb"))
    assert texts.take([1, 0, 1]) == kg.Texts(
        ("b", "a", "b"), ("db", "da", "db"), ((), ("x",), ()), ("tb", "ta", "tb")
    )


def test_fields_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"equally long.*'names': 1.*'types': 2"):
        kg.Texts(names=["a"], types=["b", "c"])


@pytest.mark.parametrize("field", ["names", "descriptions", "types"])
def test_what_is_no_string_is_refused(field):
    with pytest.raises(ValueError, match=rf"Row 1 of `{field}` must be a string.*None"):
        kg.Texts(**{field: ["a", None]})


@pytest.mark.parametrize("wrong", ["ab", ("a", 3)])
def test_aliases_must_be_strings_in_a_tuple(wrong):
    with pytest.raises(ValueError, match="Row 1 of `aliases` must be strings in a tuple"):
        kg.Texts(aliases=[(), wrong])
