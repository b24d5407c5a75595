"""What several commands have: options, the note on stderr, the form of a command."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeAlias

from jointreg.config.joint_sets import JOINT_SETS, JointSet, joint_set

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


NO_BODY = "none"
"""In place of a body: what needs one is left out."""


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    purpose: str,
    example: str,
) -> argparse.ArgumentParser:
    """A command with its purpose and an example in its help."""
    command = commands.add_parser(name, help=purpose, description=purpose, epilog=f"example: {example}")
    command.set_defaults(run=run)
    return command


def add_joints(command: argparse.ArgumentParser) -> None:
    """Add `--joints`."""
    command.add_argument(
        "--joints",
        metavar="SET",
        help=f"joint set of the rows: {', '.join(JOINT_SETS)}, or a table of your own",
    )


def add_body(command: argparse.ArgumentParser, more: str = "") -> None:
    """Add `--body`, with `more` at the end of its help."""
    command.add_argument(
        "--body",
        default="open",
        help=f"body the regressor is for: `open` (default) or an SMPL-format npz or pkl{more}",
    )


def chosen_joints(arguments: argparse.Namespace) -> JointSet | None:
    """The joint set that the command was given, if any."""
    return joint_set(arguments.joints) if arguments.joints else None


def note(sentence: str) -> None:
    """Print what was assumed or changed, on stderr."""
    print(f"note: {sentence}", file=sys.stderr)
