"""Finding, downloading and verifying files, with a real server on this machine."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from kgkeras.datasets import checksums, fetch
from kgkeras.datasets.benchmark import Benchmark, BenchmarkFile

FACTS = {split: f"a\tr\t{split}\n".encode() for split in ("train", "valid", "test")}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty Keras cache, and no data folder."""
    monkeypatch.delenv("KGKERAS_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def site(tmp_path):
    """A folder, and the address under which it is served."""
    folder = tmp_path / "site"
    folder.mkdir()

    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            requests.append(self.path)

    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def published(monkeypatch):
    """The checksums of `FACTS`, as the benchmark `toy` was published."""
    sums = {f"{name}.txt": hashlib.sha256(content).hexdigest() for name, content in FACTS.items()}
    monkeypatch.setitem(checksums.SHA256, "toy", sums)


def toy(url, member=None, **options):
    """A benchmark of three files, at `url` with their names behind it, or in one archive."""
    files = {
        split: BenchmarkFile(
            f"toy/{split}.txt",
            f"{url}/{split}.txt" if member is None else url,
            None if member is None else f"{member}{split}.txt",
            **options,
        )
        for split in FACTS
    }
    return Benchmark("toy", files, "https://example.org/toy", "MIT", "Someone, 2020")


def write_files(folder, content=lambda facts: facts):
    folder.mkdir(parents=True, exist_ok=True)
    for split, facts in FACTS.items():
        (folder / f"{split}.txt").write_bytes(content(facts))


def write_archive(path, prefix, content=lambda facts: facts, splits=tuple(FACTS)):
    with tarfile.open(path, "w:gz") as tar:
        for split in splits:
            member = tarfile.TarInfo(f"{prefix}{split}.txt")
            member.size = len(content(FACTS[split]))
            tar.addfile(member, io.BytesIO(content(FACTS[split])))


def left_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def crlf(facts):
    return facts.replace(b"\n", b"\r\n")


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("content", [bytes, crlf])
def test_files_are_downloaded_once(home, site, content):
    folder, url, requests = site
    write_files(folder, content)
    paths = fetch.locate(toy(url))
    assert paths == {split: home / "kgkeras" / "toy" / f"{split}.txt" for split in FACTS}
    assert {split: path.read_bytes() for split, path in paths.items()} == FACTS
    assert len(requests) == 3
    requests.clear()
    assert fetch.locate(toy(url)) == paths
    assert fetch.locate(toy(url), ("test",)) == {"test": paths["test"]}
    assert requests == []
    assert left_in(home) == [f"kgkeras/toy/{split}.txt" for split in sorted(FACTS)]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("prefix", ["", "./", "toy/data/"])
def test_an_archive_is_downloaded_once_for_all_its_files(home, site, prefix):
    folder, url, requests = site
    write_archive(folder / "toy.tar.gz", prefix, crlf)
    paths = fetch.locate(toy(f"{url}/toy.tar.gz", prefix.removeprefix("./")))
    assert {split: path.read_bytes() for split, path in paths.items()} == FACTS
    assert len(requests) == 1
    assert left_in(home) == [f"kgkeras/toy/{split}.txt" for split in sorted(FACTS)]


@pytest.mark.usefixtures("published")
def test_only_what_is_wanted_is_downloaded(home, site):
    folder, url, requests = site
    write_files(folder)
    assert list(fetch.locate(toy(url), ("valid",))) == ["valid"]
    assert len(requests) == 1
    assert left_in(home) == ["kgkeras/toy/valid.txt"]


@pytest.mark.usefixtures("published")
def test_wrong_content_is_refused_and_not_kept(home, site):
    folder, url, _ = site
    write_files(folder)
    (folder / "test.txt").write_bytes(b"a\tr\tb\n")
    wanted = hashlib.sha256(FACTS["test"]).hexdigest()
    found = hashlib.sha256(b"a\tr\tb\n").hexdigest()
    with pytest.raises(ValueError, match=rf"{url}/test\.txt must be .*{wanted}.*Received: {found}"):
        fetch.locate(toy(url))
    assert left_in(home) == []


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("splits", "prefix", "message"),
    [
        (("train", "valid"), "", r"must hold one file 'data/test\.txt'\. Received: 0 among"),
        (("train", "valid", "test"), "x/data/", r"must hold one file 'data/train\.txt'.*: 2 among"),
    ],
)
def test_an_archive_must_hold_each_file_once(home, site, splits, prefix, message):
    folder, url, _ = site
    write_archive(folder / "toy.tar.gz", "data/", splits=splits)
    if prefix:
        with tarfile.open(folder / "toy.tar.gz", "w:gz") as tar:
            for name in (f"{p}{split}.txt" for p in ("data/", prefix) for split in splits):
                tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(ValueError, match=message):
        fetch.locate(toy(f"{url}/toy.tar.gz", "data/"))
    assert left_in(home) == []


def test_what_is_no_archive_is_refused(home, site):
    folder, url, _ = site
    (folder / "toy.tar.gz").write_bytes(b"<html>moved</html>")
    with pytest.raises(ValueError, match=r"toy\.tar\.gz must be a tar archive"):
        fetch.locate(toy(f"{url}/toy.tar.gz", "data/"))
    assert left_in(home) == []


def test_an_address_that_does_not_answer_points_to_the_data_folder(home, site):
    _, url, _ = site
    with pytest.raises(ConnectionError, match=r"download .*/train\.txt.*404.*set KGKERAS_DATA"):
        fetch.locate(toy(url))
    with pytest.raises(ConnectionError, match="set KGKERAS_DATA"):
        fetch.locate(toy("http://127.0.0.1:9"))
    assert left_in(home) == []


def test_a_file_without_an_address_is_asked_for(home):
    files = {"graph": BenchmarkFile("toy/kb.txt", None)}
    benchmark = Benchmark("toy", files, "https://example.org/toy", "MIT", "Someone, 2020")
    with pytest.raises(
        FileNotFoundError,
        match=r"toy/kb\.txt of toy cannot be downloaded.*example\.org/toy.*KGKERAS_DATA",
    ):
        fetch.locate(benchmark)
    assert left_in(home) == []


@pytest.mark.usefixtures("published", "home")
@pytest.mark.parametrize("content", [bytes, crlf])
def test_the_data_folder_comes_first(tmp_path, monkeypatch, site, content):
    monkeypatch.setenv("KGKERAS_DATA", str(tmp_path / "data"))
    write_files(tmp_path / "data" / "toy", content)
    paths = fetch.locate(toy(site[1]))
    assert paths["train"] == tmp_path / "data" / "toy" / "train.txt"
    assert site[2] == []


@pytest.mark.usefixtures("published")
def test_what_the_data_folder_lacks_altogether_is_downloaded(home, tmp_path, monkeypatch, site):
    folder, url, requests = site
    write_files(folder)
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("KGKERAS_DATA", str(tmp_path / "data"))
    assert fetch.locate(toy(url))["train"] == home / "kgkeras" / "toy" / "train.txt"
    assert left_in(tmp_path / "data") == []
    assert len(requests) == 3


@pytest.mark.usefixtures("published", "home")
def test_a_missing_file_of_the_data_folder_is_named(tmp_path, monkeypatch, site):
    monkeypatch.setenv("KGKERAS_DATA", str(tmp_path / "data"))
    write_files(tmp_path / "data" / "toy")
    missing = tmp_path / "data" / "toy" / "valid.txt"
    missing.unlink()
    with pytest.raises(FileNotFoundError, match=rf"toy needs the file {missing}, which does not"):
        fetch.locate(toy(site[1]))
    assert list(fetch.locate(toy(site[1], optional=True))) == ["train", "test"]
    assert site[2] == []


@pytest.mark.usefixtures("published", "home")
def test_a_changed_file_of_the_data_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("KGKERAS_DATA", str(tmp_path / "data"))
    write_files(tmp_path / "data" / "toy", lambda facts: facts * 2)
    with pytest.raises(ValueError, match=r"data/toy/train\.txt must be the published.*own version"):
        fetch.locate(toy("http://127.0.0.1:9"))


def test_the_data_folder_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("KGKERAS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"KGKERAS_DATA must name a folder.*nowhere"):
        fetch.locate(toy("http://127.0.0.1:9"))
