"""What stands between a SavedModel and a server: single problems, and the error that lists them."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Problem:
    """One finding in a SavedModel.

    Attributes:
        where: The place: a signature and tensor, an operation and its function, or a file.
        what: What is wrong there and how to put it right.
        fatal: Whether it stops the export; otherwise it is a warning.
    """

    where: str
    what: str
    fatal: bool = True

    def __str__(self):
        return f"{self.where}: {self.what}"


class ExportError(ValueError):
    """A SavedModel that TensorFlow Serving would refuse or could not answer from.

    Attributes:
        problems: The `Problem`s found, all of them.
    """

    def __init__(self, folder, problems):
        self.problems = tuple(problems)
        listed = "\n".join(f"- {problem}" for problem in self.problems)
        super().__init__(f"The SavedModel in {folder} cannot be served:\n{listed}")
