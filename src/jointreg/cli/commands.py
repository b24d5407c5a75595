"""The command line, `jointreg COMMAND`. Imports nothing heavy to show its help.

Exit status: 0 fine, 1 bad input (the error's text on stderr), 2 wrong usage.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from jointreg import __version__
from jointreg.cli.convert import add_convert
from jointreg.cli.doctor import add_doctor
from jointreg.cli.evaluate import add_evaluate
from jointreg.cli.fit import add_fit
from jointreg.cli.identify import add_identify
from jointreg.cli.inspect import add_inspect
from jointreg.cli.transfer import add_transfer
from jointreg.errors import INSTALL, JointregError

COMMANDS = (
    add_convert,
    add_inspect,
    add_identify,
    add_fit,
    add_transfer,
    add_evaluate,
    add_doctor,
)
"""In the order of `jointreg --help`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        The exit status; wrong usage leaves with status 2 by SystemExit, as argparse does.
    """
    arguments = _parser().parse_args(argv)
    status = 1
    try:
        status = int(arguments.run(arguments))
        sys.stdout.flush()
    except JointregError as error:
        print(f"jointreg {arguments.command}: {type(error).__name__}: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:  # a package of an extra
        print(
            f"jointreg {arguments.command}: this needs {error.name}, which is not installed\n"
            f"  next:   {INSTALL.format('workflow')}",
            file=sys.stderr,
        )
    except BrokenPipeError:  # the reader has all it wants: `jointreg inspect FILE | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(
            f"jointreg {arguments.command}: {where}{error.strerror or error}\n"
            "  next:   check that the path may be read or written, and that there is space on its disk",
            file=sys.stderr,
        )
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jointreg",
        description="Joint regressors for SMPL-format bodies: convert, inspect, score with them.",
        epilog="Exit status: 0 fine, 1 bad input, 2 wrong usage. Formats: docs/exchange.md.",
    )
    parser.add_argument("--version", action="version", version=f"jointreg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser
