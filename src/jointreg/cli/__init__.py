"""The command line: one file a command; `options` has what they share."""

from jointreg.cli.commands import main

__all__ = ["main"]
