"""Tables with tabs between columns, such as the files in config/."""

import csv
from collections.abc import Iterable
from pathlib import Path

from jointreg.errors import ConfigError


def rows(path: str | Path, columns: tuple[str, ...]) -> Iterable[tuple[str, dict[str, str]]]:
    """Rows of a table, each with the words that name it in errors. Lines that begin with # are comments.

    Raises:
        ConfigError: the file is missing, has other columns, or a row is too short.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"table {path} does not exist", "check the path in the configuration")
    with path.open(newline="") as stream:
        reader = csv.DictReader((line for line in stream if not line.startswith("#")), delimiter="\t")
        names = tuple(reader.fieldnames or ())
        if names != columns:
            raise ConfigError(
                f"{path}: columns are {names}, expected {columns}", "columns are separated by one tab"
            )
        for number, row in enumerate(reader, start=1):
            if any(value is None for value in row.values()):
                raise ConfigError(f"{path}: row {number} has too few columns")
            yield f"{path}: row {number}", row
