"""Finds the versions of a model: folders whose names are whole numbers."""

import logging
import pathlib

from kgkeras.serving.status import Code, StatusError

_LOG = logging.getLogger(__name__)


def find_versions(base_path):
    """Lists the versions in a model's folder.

    Args:
        base_path: Folder with one folder a version. A name is a version if it is a whole number
            below 2**63; leading zeros do not count, other names are ignored.

    Returns:
        Dictionary from version to folder, the latest version last.

    Raises:
        StatusError: `NOT_FOUND` where the folder does not exist or holds no version.
    """
    base = pathlib.Path(base_path)
    if not base.is_dir():
        raise StatusError(Code.NOT_FOUND, f"No folder at the model's base path {base}")
    versions = {}
    for folder in sorted(base.iterdir()):
        name = folder.name
        if not (name.isascii() and name.isdigit() and int(name) < 2**63 and folder.is_dir()):
            continue
        version = int(name)
        if version in versions:
            _LOG.warning(
                "Version %d is there twice: %s is ignored for %s",
                version,
                folder,
                versions[version],
            )
            continue
        versions[version] = folder
    if not versions:
        raise StatusError(
            Code.NOT_FOUND,
            f"No versions of the model under its base path {base}: wanted a folder named by a "
            f"whole number, such as {base / '1'}",
        )
    return dict(sorted(versions.items()))
