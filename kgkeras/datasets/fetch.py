"""Finds a benchmark's files in the data folder or the cache, downloads what is missing, verifies.

The environment variable `KGKERAS_DATA` names a data folder. Without it, or where that folder lacks
the benchmark, files are downloaded once into the Keras cache (`~/.keras/kgkeras`, or `kgkeras` in
the folder that `KERAS_HOME` names).
"""

import hashlib
import os
import pathlib
import tarfile
import tempfile

from kgkeras.kg.tables import replace_file

ENVIRONMENT_VARIABLE = "KGKERAS_DATA"


def locate(benchmark, roles=None):
    """Paths of a benchmark's files, found or downloaded, with their checksums verified.

    Args:
        benchmark: A `Benchmark`.
        roles: Names of the wanted files; None for all of them.

    Returns:
        Dict of path by role. Optional files that are nowhere are left out.

    Raises:
        FileNotFoundError: If the data folder lacks a file, or a file has no public address.
        ConnectionError: If a download fails.
        ValueError: If the content of a file is not what was published.
    """
    files = {role: benchmark.files[role] for role in roles or benchmark.files}
    root = data_folder()
    if root is None or not (root / benchmark.folder).is_dir():
        root = cache_folder()
        _download(benchmark, [f for f in files.values() if not (root / f.path).exists()], root)
    paths = {}
    for role, file in files.items():
        path = root / file.path
        if path.is_file():
            _verify(path.read_bytes(), file, place=path)
            paths[role] = path
        elif not file.optional:
            raise FileNotFoundError(
                f"{benchmark.name} needs the file {path}, which does not exist. Complete the "
                f"folder (see {benchmark.homepage}), or remove it to have the files downloaded."
            )
    return paths


def data_folder():
    """The folder that `KGKERAS_DATA` names, or None where it names none.

    Raises:
        FileNotFoundError: If it names no folder.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if not named:
        return None
    if not os.path.isdir(named):
        raise FileNotFoundError(
            f"The environment variable {ENVIRONMENT_VARIABLE} must name a folder. "
            f"Received: {named!r}."
        )
    return pathlib.Path(named)


def cache_folder():
    """Where downloaded files are kept."""
    return pathlib.Path(os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras") / "kgkeras"


def _download(benchmark, files, root):
    """Downloads files, and keeps them only if every one is what it should be."""
    nowhere = [file for file in files if file.url is None and not file.optional]
    if nowhere:
        raise FileNotFoundError(
            f"{nowhere[0].path} of {benchmark.name} cannot be downloaded. Get it from "
            f"{benchmark.homepage} and set {ENVIRONMENT_VARIABLE} to the folder that holds "
            f"{benchmark.folder}."
        )
    contents = {}
    for url in dict.fromkeys(file.url for file in files if file.url is not None):
        wanted = [file for file in files if file.url == url]
        with tempfile.TemporaryDirectory(prefix="kgkeras-") as scratch:
            downloaded = _get(url, scratch)
            for file in wanted:
                content = (
                    downloaded.read_bytes() if file.member is None else _member(downloaded, file)
                )
                contents[file.path] = content.replace(b"\r\n", b"\n")
                _verify(contents[file.path], file, place=url)
    for path, content in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        replace_file(root / path, content)


def _get(url, folder):
    import keras  # not above: reading what is there needs no Keras

    try:
        return pathlib.Path(keras.utils.get_file(origin=url, cache_dir=folder, cache_subdir=""))
    except Exception as error:  # Keras raises plain `Exception` when an address does not answer.
        raise ConnectionError(
            f"Could not download {url}: {error}. Without a connection, set {ENVIRONMENT_VARIABLE} "
            "to a folder that holds the benchmark."
        ) from error


def _member(archive, file):
    """The content of one file in a tar archive."""
    try:
        with tarfile.open(archive) as tar:
            members = [member for member in tar.getmembers() if member.isfile()]
            found = [m for m in members if f"/{m.name}".endswith(f"/{file.member}")]
            if len(found) == 1:
                return tar.extractfile(found[0]).read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{file.url} must be a tar archive: {error}.") from error
    raise ValueError(
        f"{file.url} must hold one file {file.member!r}. "
        f"Received: {len(found)} among {[member.name for member in members[:20]]}."
    )


def _verify(content, file, place):
    if file.sha256 is None:
        return
    found = hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
    if found != file.sha256:
        raise ValueError(
            f"{place} must be the published {file.path}, of SHA-256 {file.sha256} (CRLF read as "
            f"LF). Received: {found}. If it is your own version, give `load` the folder itself."
        )
