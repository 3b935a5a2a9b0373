import stat

import pytest

from kgkeras.export.versions import free_version, is_version, publishing


@pytest.mark.parametrize("name", ["0", "1", "007", str(2**63 - 1)])
def test_versions_are_integers(name):
    assert is_version(name)


@pytest.mark.parametrize(
    "name", ["", "-1", "+1", "1.0", " 1", "1_0", "٣", ".1-ab.partial", str(2**63)]
)
def test_everything_else_is_not(name):
    assert not is_version(name)


def test_counts_on_from_the_highest(tmp_path):
    assert free_version(tmp_path / "absent") == 1
    assert free_version(tmp_path) == 1
    for name in ("2", "009", "notes", "-12", ".11-ab.partial"):
        (tmp_path / name).mkdir()
    assert free_version(tmp_path) == 10
    assert free_version(tmp_path, 0) == 0
    assert free_version(tmp_path, 3) == 3


@pytest.mark.parametrize("version", [True, "1", 1.0])
def test_refuses_a_version_that_is_no_integer(tmp_path, version):
    with pytest.raises(ValueError, match=r"`version` must be an integer\. Received: "):
        free_version(tmp_path, version)


@pytest.mark.parametrize("version", [-1, 2**63])
def test_refuses_a_version_no_server_takes(tmp_path, version):
    with pytest.raises(ValueError, match="`version` must lie between 0 and"):
        free_version(tmp_path, version)


@pytest.mark.parametrize("name", ["7", "007"])
def test_refuses_a_version_that_is_there(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(FileExistsError, match=f"Version 7 is there already: .*/{name}. Give"):
        free_version(tmp_path, 7)


def test_publishes_the_whole_folder_at_the_end(tmp_path):
    base = tmp_path / "models" / "names"
    with publishing(base, 3) as folder:
        (folder / "file").write_text("content")
        assert not any(is_version(path.name) for path in base.iterdir())
    assert [path.name for path in base.iterdir()] == ["3"]
    assert (base / "3" / "file").read_text() == "content"


def test_servers_of_other_users_can_read_the_folder(tmp_path):
    (tmp_path / "plain").mkdir()
    with publishing(tmp_path / "base", 1):
        pass
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "base/1")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_nothing_behind(tmp_path, error):
    def fail():
        with publishing(tmp_path / "models" / "names", 1) as folder:
            (folder / "file").write_text("content")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_failure_spares_what_others_put_there(tmp_path):
    def fail():
        with publishing(tmp_path / "models" / "names", 1):
            (tmp_path / "models" / "theirs").mkdir()
            raise ValueError("full disk")

    with pytest.raises(ValueError, match="full disk"):
        fail()
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["theirs"]


def test_does_not_replace_a_version_that_appears_meanwhile(tmp_path):
    def overtaken():
        with publishing(tmp_path, 1):
            (tmp_path / "1").mkdir()

    with pytest.raises(FileExistsError, match="Version 1 is there already"):
        overtaken()
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    assert list((tmp_path / "1").iterdir()) == []
