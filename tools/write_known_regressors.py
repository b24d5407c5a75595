"""Write fingerprints of public regressor files: the two tables of jointreg.exchange.known.

Fetch the files of src/jointreg/exchange/assets/known_files.tsv into one folder, each as
<source>/<path>, and run

    python tools/write_known_regressors.py FOLDER

`path#key` is one entry of a torch file of several. A new file is a new line, with - for its sha256.
The files are other people's: only hashes and statistics of their rows are written.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from jointreg.config.joint_sets import JOINT_SETS
from jointreg.exchange.fingerprints import HALF_TOLERANCE, Table, fingerprint
from jointreg.exchange.known import FILE_COLUMNS, FILES, ROW_COLUMNS, ROWS, read_files
from jointreg.exchange.matrix_files import read_matrix
from jointreg.exchange.sidecar import digest
from jointreg.files.atomic import replace_file

HEAD = "# Written by tools/write_known_regressors.py: hashes and statistics of rows, no weights.\n"


def read(folder: Path, source: str, path: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """The matrix of a file, and the names of its rows where it has them."""
    file, _, key = path.partition("#")
    if not key:
        return read_matrix(folder / source / file)
    import torch

    return torch.load(folder / source / file, weights_only=True)[key].to_dense().double().numpy(), None


def main() -> None:
    """Read every file of the list and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the files, each as <source>/<path>")
    folder = parser.parse_args().folder
    files, lines, prints = [], [], []
    for known in read_files():
        matrix, names = read(folder, known.source, known.path)
        files.append(known._replace(sha256=digest(matrix)))
        if names is None:
            names = (
                JOINT_SETS[known.joints].joints if known.joints in JOINT_SETS else ("-",) * len(matrix)
            )
        new = 0
        for row, (joint, weights) in enumerate(zip(names, matrix, strict=True)):
            one = fingerprint(weights)
            if one is None or (prints and Table(prints).same(one) is not None):
                continue
            new += 1
            prints.append(one)
            numbers = f"{one.entries}\t{one.effective:.9g}\t{one.checksum:.9f}"
            lines.append(
                f"{known.matrix}\t{row}\t{joint}\t{one.vertices}\t{numbers}\t{one.sketch.hex()}"
            )
            if prints[:-1]:
                near = Table(prints[:-1]).same(one, HALF_TOLERANCE)
                if near is not None:
                    print(f"  row {row} differs from {lines[near].split(chr(9))[:3]} by little")
        print(f"{known.where}: {len(matrix)} rows, {new} of them new", file=sys.stderr)
    for path, columns, table in (
        (FILES, FILE_COLUMNS, ["\t".join(known) for known in files]),
        (ROWS, ROW_COLUMNS, lines),
    ):
        replace_file(path, (HEAD + "\n".join(["\t".join(columns), *table]) + "\n").encode())


if __name__ == "__main__":
    main()
