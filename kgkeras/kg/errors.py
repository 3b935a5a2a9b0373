"""The one error that reading and writing graphs raises."""


class GraphFormatError(ValueError):
    """A file that does not hold what it should.

    The message begins with the place: `file`, or `file:line` where the line is known.

    Args:
        message: What was wanted and what was found.
        file: The file or folder.
        line: The line, counted from 1; None where it is not known.
    """

    def __init__(self, message, file, line=None):
        place = str(file) if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {message}")
        self.file = str(file)
        self.line = line
