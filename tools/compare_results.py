"""Two folders of results, array by array: where the same run on two machines first differs, and how far.

Usage: python tools/compare_results.py FOLDER FOLDER [--all]

Folders are `results/<run>` or `data/<run>` of two runs of one configuration. Prints the largest
difference of each array of every stage, in the order of the stages; the cells of CSV files that differ
in any digit; and the lines of Markdown tables that differ, which have the digits that a reader sees.
Exit status 1 if there are such lines, or files that only one folder contains.
"""

import argparse
import csv
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.files.text_table import text_table

STAGES = (
    *("human36m", "truth", "prepare", "background", "segment", "estimate", "fit_regressor_spin"),
    *("energy_weights", "train_discriminator", "optimize", "fit_regressor_opt", "evaluate", "diagnose"),
    *("learning_curve", "tables", "export", "figures"),
)
"""Folders in the order in which they are made."""


@dataclass
class Difference:
    """Of the arrays of one name in one folder, over all files."""

    files: int = 0
    differing: int = 0
    largest: float = 0.0
    """Largest difference of two numbers."""
    share: float = 0.0
    """Largest share of numbers of one array that differ."""
    where: str = ""
    """File of the largest difference."""
    size: float = 0.0
    """Largest number."""


@dataclass
class Comparison:
    """What two folders of results have in common and what not."""

    differences: dict[tuple[str, str], Difference] = field(default_factory=dict)
    """(folder, array) -> difference."""
    cells: list[tuple[str, int, str, str, str]] = field(default_factory=list)
    """Cells of CSV files that differ in any digit: file, line, column, both texts."""
    lines: list[tuple[str, int, str, str]] = field(default_factory=list)
    """Lines of Markdown tables that differ: file, line, both texts."""
    alone: list[str] = field(default_factory=list)
    """Files that only one of the folders contains."""

    def add(self, stage: str, name: str, file: str, first: np.ndarray, second: np.ndarray) -> None:
        """Compare two arrays."""
        entry = self.differences.setdefault((stage, name), Difference())
        entry.files += 1
        if first.shape != second.shape:
            entry.differing, entry.largest, entry.where = entry.differing + 1, np.inf, file
            return
        if first.dtype.kind not in "fiub":
            entry.differing += not np.array_equal(first, second)
            return
        one, two = first.astype(np.float64), second.astype(np.float64)
        apart = np.where(np.isnan(one) & np.isnan(two), 0.0, np.abs(one - two))
        largest = float(apart.max(initial=0.0))
        entry.differing += largest > 0
        entry.share = max(entry.share, float((apart > 0).mean()) if apart.size else 0.0)
        entry.size = max(entry.size, float(np.nan_to_num(np.abs(one)).max(initial=0.0)))
        if largest > entry.largest or not entry.where:
            entry.largest, entry.where = max(largest, entry.largest), file


def main() -> int:
    """Compare the two folders and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs=2, type=Path)
    parser.add_argument("--all", action="store_true", help="also arrays that agree in every bit")
    arguments = parser.parse_args()
    compared = compare(*arguments.folders)
    print(as_text(compared, everything=arguments.all))
    return 1 if compared.lines or compared.alone else 0


def compare(first: Path, second: Path) -> Comparison:
    """Compare all stores, arrays, discriminators, JSON files and tables of two folders."""
    one, two = (
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        for folder in (first, second)
    )
    compared = Comparison(alone=sorted(str(path) for path in one ^ two if READERS.get(_ending(path))))
    for path in sorted(one & two):
        reader = READERS.get(_ending(path))
        if reader is not None:
            left, right = dict(reader(first / path)), dict(reader(second / path))
            for name in left.keys() & right.keys():
                compared.add(path.parts[0], name, str(path), left[name], right[name])
        if path.suffix == ".csv":
            compared.cells += _differing_cells(path, first / path, second / path)
        if path.suffix == ".md":
            compared.lines += _differing_lines(path, first / path, second / path)
    return compared


def as_text(compared: Comparison, *, everything: bool = False) -> str:
    """A line for each kind of array that differs, each cell of a CSV file and each printed line."""
    order = {name: index for index, name in enumerate(STAGES)}
    lines = [
        (
            stage,
            name,
            f"{entry.differing} of {entry.files}",
            f"{entry.largest:.1e}",
            f"{entry.size:.1e}",
            f"{100 * entry.share:.2g} %",
            entry.where,
        )
        for (stage, name), entry in sorted(
            compared.differences.items(), key=lambda item: (order.get(item[0][0], 99), item[0])
        )
        if everything or entry.differing
    ]
    titles = ("folder", "array", "files differ", "largest", "of at most", "share of numbers", "file")
    text = text_table([titles, *lines], "llrrrrl")
    cells = "\n".join(f"{f}:{line} {column}: {a} | {b}" for f, line, column, a, b in compared.cells[:60])
    total = f"{len(compared.cells)} cells of CSV files differ in some digit"
    printed = "".join(f"{f}:{line}\n  {a}\n  {b}\n" for f, line, a, b in compared.lines[:60])
    printed += f"{len(compared.lines)} lines of printed tables differ"
    alone = "".join(f"\nonly in one: {name}" for name in compared.alone)
    return f"{text}\n{cells}\n{total}\n{printed}{alone}"


def _ending(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.name.endswith(".zarr.zip") else path.suffix


def _store(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    import zarr
    from zarr.storage import ZipStore

    with ZipStore(path, mode="r") as store:
        for name, member in zarr.open_group(store, mode="r").arrays():
            yield name, np.asarray(member[...])


def _array(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    yield path.stem, np.load(path)


def _arrays(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    if zipfile.is_zipfile(path):
        with np.load(path) as archive:
            yield from archive.items()


def _parameters(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    import torch

    state = torch.load(path, weights_only=True)
    for name, value in state.items() if isinstance(state, dict) else [(path.stem, state)]:
        yield name, value.numpy()


def _json(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    yield path.stem, np.array(list(_numbers(json.loads(path.read_text(encoding="utf-8")))))


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _numbers(part)
    elif isinstance(value, (int, float)):
        yield float(value)


def _bytes(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    yield f"bytes of {path.suffix}", np.frombuffer(path.read_bytes(), np.uint8)


READERS = {
    ".zarr.zip": _store,
    ".npy": _array,
    ".npz": _arrays,
    ".pt": _parameters,
    ".json": _json,
    ".mp4": _bytes,
}
"""Ending of a file -> its arrays by name."""


def _differing_cells(path: Path, first: Path, second: Path) -> Iterator[tuple[str, int, str, str, str]]:
    with (
        first.open(newline="", encoding="utf-8") as one,
        second.open(newline="", encoding="utf-8") as two,
    ):
        left, right = list(csv.reader(one)), list(csv.reader(two))
    if len(left) != len(right):
        yield str(path), 0, "lines", str(len(left)), str(len(right))
    for line, (a, b) in enumerate(zip(left, right, strict=False), start=1):
        for column, (x, y) in enumerate(zip(a, b, strict=False)):
            if x != y:
                yield str(path), line, left[0][column], x, y


def _differing_lines(path: Path, first: Path, second: Path) -> Iterator[tuple[str, int, str, str]]:
    one, two = (file.read_text(encoding="utf-8").splitlines() for file in (first, second))
    for line, (a, b) in enumerate(zip_longest(one, two, fillvalue=""), start=1):
        if a != b:
            yield str(path), line, a, b


if __name__ == "__main__":
    sys.exit(main())
