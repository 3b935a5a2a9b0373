"""What a benchmark is: its files, where they come from and what their authors ask for."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

from kgkeras.datasets.checksums import SHA256


@dataclasses.dataclass(frozen=True)
class BenchmarkFile:
    """One file of a benchmark.

    Args:
        path: Where it lies in a data folder, with `/` between the parts.
        url: Public address of the file, or of a tar archive that holds it; None where there is
            none.
        member: Last parts of its path in the archive; None where `url` is the file itself.
        optional: Whether the benchmark can do without.
    """

    path: str
    url: str | None
    member: str | None = None
    optional: bool = False

    @property
    def sha256(self):
        """Checksum of the content after CRLF became LF; None where it is not known."""
        folder, _, name = self.path.rpartition("/")
        return SHA256.get(folder, {}).get(name)


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A benchmark's name, files, origin and terms.

    Args:
        name: Its usual name.
        files: `BenchmarkFile` by what it is for, such as `train`; the first one's folder is the
            folder of the benchmark.
        homepage: Where its authors tell about it.
        licence: What they allow; "none stated" means research use only.
        citation: The paper to cite.
        counts: Facts or texts of train, validation and test, checked after reading; None where
            there are no such splits.
        columns: What the columns of its tables of facts hold.
        read_texts: Function of the paths by what they are for, the entities and the relations,
            that returns `Texts` of both; None where no words are known.
    """

    name: str
    files: Mapping[str, BenchmarkFile]
    homepage: str
    licence: str
    citation: str
    counts: tuple[int, int, int] | None = None
    columns: tuple[str, ...] = ("head", "relation", "tail")
    read_texts: Callable | None = None

    @property
    def folder(self):
        """The benchmark's own folder inside a data folder."""
        return pathlib.PurePosixPath(next(iter(self.files.values())).path).parent
