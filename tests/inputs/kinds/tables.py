"""Tables of sequences, methods, examples and damaged recordings."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from inputs import raw, texts
from inputs.case import Case, Original, cases
from inputs.samples import write_metadata_file
from inputs.texts import CELLS, TABLE, cells, rows
from jointreg.config import Dataset
from jointreg.config.examples import load_examples
from jointreg.config.methods import load_methods, prediction_paths
from jointreg.config.sequences import Work, load_sequences
from jointreg.datasets.human36m.files import Human36M

KIND = "tables"
SEQUENCES = """subject\taction\ttakes\tcameras\tfirst_frame\tlast_frame\tsplit
S1\tWalking\t1\t54138969\t0\t-1\ttrain
S5\tWalking\t1,2\t54138969,55011271\t5\t200\ttrain
S9\tDirections\t1\t54138969\t0\t-1\ttest
"""
METHODS = """name\tkind\tlabel\tpaper\tfiles\trows\tsix\tabout
spin\tpredictions\tSPIN\tSPIN\tspin/{subject}/{action}.npz\tspin/rows.npz\tinterleaved\tpublished
mine\tjoints\tMine\t\t\t\t\tours
"""
EXAMPLES = """subject\taction\tframes
S1\tWalking\t2,5
S9\tDirections\t7
"""
DAMAGED = """subject\taction\ttake\tcamera\treason
S1\tWalking\t1\t54138969\tno picture
S11\tDirections\t2\t*\tshifted
"""


def _text(name: str, content: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(content) and None


def _sequences(folder: Path, note: Callable[[str], None]) -> Any:
    return [asdict(row) for row in load_sequences(folder / "sequences.tsv")]


def _methods(folder: Path, note: Callable[[str], None]) -> Any:
    loaded = load_methods(folder / "methods.tsv", required=["spin", "mine"])
    sequence = {"subject": "S9", "action": "Walking", "units": [("1", "54138969")]}
    paths = [
        prediction_paths("predictions", pattern, sequence)
        for method in loaded.values()
        for pattern in (method.files, method.rows)
        if pattern
    ]
    return {name: asdict(method) for name, method in loaded.items()}, paths


def _examples(folder: Path, note: Callable[[str], None]) -> Any:
    known = [
        Work("S1", "Walking", ("1",), ("54138969",), 0, 20, "train"),
        Work("S9", "Directions", ("1",), ("54138969",), 0, 20, "test"),
    ]
    return [asdict(row) for row in load_examples(folder / "examples.tsv", known, note)]


def _damaged_files(folder: Path) -> None:
    (folder / "damaged.tsv").write_text(DAMAGED)
    write_metadata_file(folder / "metadata.xml")


def _damaged(folder: Path, note: Callable[[str], None]) -> Any:
    settings = Dataset(
        source="human36m",
        root=str(folder),
        calibration=str(folder / "metadata.xml"),
        damaged=str(folder / "damaged.tsv"),
        skip_damaged=True,
    )
    return {(row.subject, row.action, row.take, row.camera) for row in Human36M(settings).damaged}


SEQUENCE_TABLE = Original(
    KIND, "sequences", "sequences.tsv", _text("sequences.tsv", SEQUENCES), _sequences
)
METHOD_TABLE = Original(KIND, "methods", "methods.tsv", _text("methods.tsv", METHODS), _methods)
EXAMPLE_TABLE = Original(KIND, "examples", "examples.tsv", _text("examples.tsv", EXAMPLES), _examples)
DAMAGE_TABLE = Original(KIND, "damaged recordings", "damaged.tsv", _damaged_files, _damaged)

FREE = [  # another name, another number, another file that may be meant
    *(
        f"{column} is {name}"
        for column in ("subject", "action", "takes", "cameras", "take")
        for name in (
            "a word",
            "in another case",
            "not a number",
            "with an underscore",
            "huge",
            "negative",
        )
    ),
    *(
        f"{column} is {name}"
        for column in ("takes", "cameras", "take")
        for name in ("a fraction", "a superscript", "in other digits")
    ),
    *(
        f"{column} is {name}"
        for column in ("files", "rows")
        for name in CELLS
        if "place" not in name and name not in ("a blank", "with a NUL") and "blank" not in name
    ),
    *("files is a path", "rows is a path", "six is empty"),
]
CUT = [replace(one, untold=True) for one in raw.cut()]
"""A table that ends at the end of a cell is one."""
TEXT = [*raw.whole(), *CUT, *texts.letters(comment="# ")]
CASES: list[Case] = [
    *cases(
        SEQUENCE_TABLE, [*TEXT, *rows(TABLE, accepted=["has empty lines in it", "has a comment in it"])]
    ),
    *cases(SEQUENCE_TABLE, cells(SEQUENCES.splitlines()[0].split("\t"), CELLS, untold=FREE)),
    *cases(
        METHOD_TABLE, [*TEXT, *rows(TABLE, accepted=["has empty lines in it", "has a comment in it"])]
    ),
    *cases(METHOD_TABLE, cells(("name", "kind", "files", "rows", "six"), CELLS, untold=FREE)),
    *cases(
        EXAMPLE_TABLE, [*TEXT, *rows(TABLE, accepted=["has empty lines in it", "has a comment in it"])]
    ),
    *cases(EXAMPLE_TABLE, cells(("subject", "action", "frames"), CELLS)),
    *cases(DAMAGE_TABLE, [*TEXT, *rows(TABLE, untold=["has only its columns' names"])]),
    *cases(DAMAGE_TABLE, cells(("subject", "action", "take", "camera"), CELLS, untold=FREE)),
]
