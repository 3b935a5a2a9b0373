"""A list of strings that travels inside a SavedModel as an asset."""

import pathlib
import shutil
import tempfile
import weakref

import tensorflow as tf


class StringList(tf.Module):
    """Maps ids to strings, the empty string for every other number.

    The strings lie in a file, one a line, as in `StringTable`.

    Args:
        strings: Sequence of strings; runs of white space in them become one space.
        name: Name of the file, without suffix.
    """

    def __init__(self, strings, name):
        super().__init__(name=name)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="kgkeras-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        path = folder / f"{name}.txt"
        lines = (" ".join(string.split()) + "\n" for string in strings)
        path.write_bytes("".join(lines).encode())
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                str(path),
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
            ),
            default_value="",
        )

    def __call__(self, ids):
        """Returns the strings of an integer tensor."""
        return self._table.lookup(tf.cast(ids, tf.int64))
