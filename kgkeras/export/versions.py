"""Numbered version folders below a model's base folder, as TensorFlow Serving looks for them."""

import contextlib
import numbers
import pathlib
import re
import shutil
import uuid

from kgkeras.checks import describe

_DIGITS = re.compile(r"[0-9]+")


def is_version(name):
    """Returns whether the server takes a folder of this name for a version."""
    return _DIGITS.fullmatch(name) is not None and int(name) < 2**63


def free_version(base, version=None):
    """Returns the number a new version can have.

    Args:
        base: Folder of the versions; it need not exist.
        version: The wanted number. Defaults to one more than the highest there, or 1.

    Returns:
        An `int`.

    Raises:
        ValueError: If `version` is not an integer of 0 to 2**63 - 1.
        FileExistsError: If `version` is there already, however it is spelled (`1`, `001`).
    """
    base = pathlib.Path(base)
    names = [path.name for path in base.iterdir()] if base.exists() else []
    taken = {int(name): name for name in names if is_version(name)}
    if version is None:
        return max(taken, default=0) + 1
    if isinstance(version, bool) or not isinstance(version, numbers.Integral):
        raise ValueError(f"`version` must be an integer. {describe(version)}.")
    if not 0 <= version < 2**63:
        raise ValueError(f"`version` must lie between 0 and 2**63 - 1. {describe(version)}.")
    if version in taken:
        raise FileExistsError(
            f"Version {version} is there already: {base / taken[version]}. "
            "Give another `version`, or none for the next free one."
        )
    return int(version)


@contextlib.contextmanager
def publishing(base, version):
    """Gives a new folder that becomes `base/version` at the end of the block, at one stroke.

    Until then its name is no integer, so that no server takes it. If the block raises, the folder
    is removed, and so are `base` and its parents if they were made here.

    Args:
        base: Folder of the versions; made if it is not there.
        version: A number that `free_version` returned.

    Yields:
        The path of the empty folder.
    """
    base = pathlib.Path(base).absolute()
    made = [folder for folder in (base, *base.parents) if not folder.exists()]
    # Not tempfile.mkdtemp: it makes folders that only their owner (and so no server) can read.
    folder = base / f".{version}-{uuid.uuid4().hex}.partial"
    try:
        folder.mkdir(parents=True)
        yield folder
        free_version(base, version)
        folder.rename(base / str(version))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        for created in made:
            # A folder that something else has moved into meanwhile stays.
            with contextlib.suppress(OSError):
                created.rmdir()
        raise
