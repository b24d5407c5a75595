"""The public regressor files that are known, as fingerprints of their rows; none of their weights.

`assets/known_files.tsv` names each file with its source, `assets/known_rows.tsv` has the rows, each
under the first file of the list that contains it. `tools/write_known_regressors.py` writes the second
table, and the sha256 of the first.
"""

from pathlib import Path
from typing import NamedTuple

from jointreg.config.tsv import rows as table_rows
from jointreg.exchange.fingerprints import Fingerprint, Table

ASSETS = Path(__file__).parent / "assets"
FILES = ASSETS / "known_files.tsv"
ROWS = ASSETS / "known_rows.tsv"
FILE_COLUMNS = ("matrix", "joints", "source", "path", "commit", "date", "sha256")
ROW_COLUMNS = (
    *("matrix", "row", "joint", "vertices"),
    *("entries", "effective", "checksum", "sketch"),
)


class KnownFile(NamedTuple):
    """A public file, where and when it was read."""

    matrix: str
    """Name of its matrix; several files may have one."""
    joints: str
    """A name of `config.joint_sets.JOINT_SETS`, `own` where the file names its rows, or -."""
    source: str
    """Repository on GitHub, or package on PyPI."""
    path: str
    commit: str
    """Commit or version."""
    date: str
    """Of the commit or version."""
    sha256: str
    """`exchange.sidecar.digest` of the matrix, rows for joints."""

    @property
    def where(self) -> str:
        """Source, path and date in words."""
        return f"{self.source} {self.path} ({self.date})"


class KnownRow(NamedTuple):
    """A row of a known matrix."""

    matrix: str
    row: int
    joint: str
    """- where the source does not name it."""


class Known(NamedTuple):
    """All known files and rows."""

    files: tuple[KnownFile, ...]
    rows: tuple[KnownRow, ...]
    table: Table
    """Fingerprints of `rows`, in their order."""

    def source(self, matrix: str) -> KnownFile:
        """The first file of a matrix."""
        return next(file for file in self.files if file.matrix == matrix)


def read_files() -> tuple[KnownFile, ...]:
    """Every file of the list."""
    return tuple(KnownFile(**cells) for _, cells in table_rows(FILES, FILE_COLUMNS))


def read_known() -> Known:
    """Both tables."""
    rows, prints = [], []
    for _, cells in table_rows(ROWS, ROW_COLUMNS):
        rows.append(KnownRow(cells["matrix"], int(cells["row"]), cells["joint"]))
        prints.append(
            Fingerprint(
                vertices=int(cells["vertices"]),
                entries=int(cells["entries"]),
                effective=float(cells["effective"]),
                checksum=float(cells["checksum"]),
                sketch=bytes.fromhex(cells["sketch"]),
            )
        )
    return Known(read_files(), tuple(rows), Table(prints))
