"""Which folders are versions, and which version answers."""

import logging

import pytest

from kgkeras.serving.registry import ModelSpec, Registry
from kgkeras.serving.status import Code, StatusError
from kgkeras.serving.versions import find_versions


class FakeServable:
    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


def test_versions_are_whole_numbers_sorted_as_numbers(tmp_path):
    for name in ("10", "9", "00000123", "0", "-1", "1.0", "v2", "tmp", "²", str(2**63), " 7"):
        (tmp_path / name).mkdir()
    (tmp_path / "500").write_text("a file")
    versions = find_versions(tmp_path)
    assert list(versions) == [0, 9, 10, 123]
    assert versions[123] == tmp_path / "00000123"


def test_a_version_that_is_there_twice(tmp_path, caplog):
    for name in ("1", "001"):
        (tmp_path / name).mkdir()
    with caplog.at_level(logging.WARNING):
        assert list(find_versions(str(tmp_path))) == [1]
    assert "Version 1 is there twice" in caplog.text


def test_no_versions(tmp_path):
    with pytest.raises(StatusError, match=r"No folder at the model's base path .*absent"):
        find_versions(tmp_path / "absent")
    (tmp_path / "latest").mkdir()
    with pytest.raises(StatusError, match=r"No versions of the model .* such as .*1$") as error:
        find_versions(tmp_path)
    assert error.value.code == Code.NOT_FOUND


def test_the_latest_version_answers_unless_another_is_asked_for():
    old, new = FakeServable(), FakeServable()
    registry = Registry({"m": {9: old, 10: new}})
    assert registry.lookup(ModelSpec("m")) is new
    assert registry.lookup(ModelSpec("m", version=9)) is old
    assert registry.available(ModelSpec("m")) == [10, 9]
    assert registry.available(ModelSpec("m", version=9)) == [9]
    registry.close()
    assert old.closed
    assert new.closed
    with pytest.raises(StatusError, match=r"Latest\(m\)"):
        registry.lookup(ModelSpec("m"))


@pytest.mark.parametrize("method", ["lookup", "available"])
@pytest.mark.parametrize(
    ("spec", "code", "message"),
    [
        (ModelSpec("n"), Code.NOT_FOUND, "n"),
        (ModelSpec("m", version=2), Code.NOT_FOUND, "2"),
        (ModelSpec("m", label="a"), Code.INVALID_ARGUMENT, "version label: a"),
    ],
)
def test_what_is_not_served(method, spec, code, message):
    registry = Registry({"m": {1: FakeServable()}})
    with pytest.raises(StatusError, match=message) as error:
        getattr(registry, method)(spec)
    assert error.value.code == code


def test_http_status_of_every_code():
    received = {code.name: code.http_status for code in Code}
    assert received == {
        "OK": 200,
        "CANCELLED": 499,
        "UNKNOWN": 500,
        "INVALID_ARGUMENT": 400,
        "DEADLINE_EXCEEDED": 504,
        "NOT_FOUND": 404,
        "ALREADY_EXISTS": 409,
        "PERMISSION_DENIED": 403,
        "RESOURCE_EXHAUSTED": 429,
        "FAILED_PRECONDITION": 400,
        "ABORTED": 409,
        "OUT_OF_RANGE": 400,
        "UNIMPLEMENTED": 501,
        "INTERNAL": 500,
        "UNAVAILABLE": 503,
        "DATA_LOSS": 500,
        "UNAUTHENTICATED": 401,
    }
