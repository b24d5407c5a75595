"""`jointreg identify`: which public matrix a regressor is."""

import argparse
from pathlib import Path

from jointreg.cli.options import Commands, add_command, note


def add_identify(commands: Commands) -> None:
    """Add the command to `commands`."""
    identify = add_command(
        commands,
        "identify",
        _run,
        "Name the public matrix that each row of a regressor is from, in any order, scale or format.",
        "jointreg identify J_regressor.pt",
    )
    identify.add_argument("files", nargs="+", metavar="FILE", help="npy, npz, pt, pkl or txt")


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.exchange.identification import identify, origin, statement
    from jointreg.exchange.known import read_known
    from jointreg.exchange.matrix_files import read_matrix
    from jointreg.exchange.sidecar import read_sidecar

    known = read_known()
    for file in arguments.files:
        matrix, names = read_matrix(file, note=note)
        sidecar = read_sidecar(Path(file), matrix, None, None)
        if sidecar is not None:
            names = sidecar["joint_names"]
        text = statement(identify(matrix, known), known, names) + origin(sidecar, known)
        print(text if len(arguments.files) == 1 else f"{file}\n{text}\n")
    return 0
