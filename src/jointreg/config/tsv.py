"""Tables with tabs between columns, such as the files in config/."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from jointreg.errors import ConfigError
from jointreg.files.input import read_file


def rows(
    path: str | Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Iterable[tuple[str, dict[str, str]]]:
    """Rows of a table, each with the words that name it in errors.

    Lines that begin with # are comments. Quotes have no meaning. Optional columns may stand anywhere;
    their cells are empty where the table lacks them.

    Raises:
        ConfigError: the file is missing or no text, it has other columns, or a row has too few or too
            many.
    """
    path = Path(path)
    raw = read_file(path, "table", "check the path in the configuration", ConfigError)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8 ({error!s:.200})", "save it as UTF-8") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    names = tuple(lines[0].split("\t")) if lines else ()
    if tuple(name for name in names if name not in optional) != columns or len(set(names)) != len(names):
        may = f", and perhaps {', '.join(optional)}" if optional else ""
        raise ConfigError(
            f"{path}: columns are {' '.join(names)[:300]}, expected {' '.join(columns)}{may}",
            _cure_of_head(names, columns),
        )
    for number, line in enumerate(lines[1:], start=1):
        cells = line.split("\t")
        if len(cells) != len(names):
            raise ConfigError(
                f"{path}: row {number} has {len(cells)} columns, expected {len(names)}: "
                f"{', '.join(names)}",
                "columns are separated by one tab",
            )
        yield f"{path}: row {number}", dict.fromkeys(optional, "") | dict(zip(names, cells, strict=True))


def _cure_of_head(names: Sequence[str], columns: Sequence[str]) -> str:
    """The next step where the head of a table is wrong."""
    if len(names) < 2:
        return "put one tab between columns"
    lacking = [name for name in columns if name not in names]
    in_order = f"name them once each, in this order: {' '.join(columns)}"
    return f"add {', '.join(lacking)}" if lacking else in_order


def whole_number(text: str, where: str, column: str) -> int:
    """The number in a cell: plain digits, with or without a sign.

    Raises:
        ConfigError: it is none.
    """
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text.strip()):
        raise ConfigError(f"{where}: {column} is '{text[:80]}', expected a whole number")
    return int(text)


def require_name(name: str, where: str) -> None:
    """Refuse a name that could not be a part of a path.

    Raises:
        ConfigError: it contains more than letters, digits, '_' and '-'.
    """
    if not re.fullmatch(r"[\w-]+", name, re.ASCII):
        raise ConfigError(
            f"{where}: '{name[:80]}' is no name, expected letters, digits, '_' and '-' only"
        )


def require_once(names: Sequence[str], where: str, column: str) -> None:
    """Refuse a list with an entry that is empty, could not be a part of a path, or stands twice.

    Raises:
        ConfigError: names the entry.
    """
    for name in names:
        if not name or name != name.strip() or not name.isprintable() or set(name) & set('/\\"{}'):
            raise ConfigError(
                f"{where}: {column} contains {name[:80]!r}, expected names of files between commas"
            )
        if names.count(name) > 1:
            raise ConfigError(
                f"{where}: {column} contains {name:.80} twice", "its frames would count twice"
            )
