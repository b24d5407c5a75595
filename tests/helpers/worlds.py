"""Kinds of the open data set that tests ask for."""

from jointreg.config.settings import Kinds

PLAIN = Kinds(people="model", clothes="none", joints="own", markers="fixed", furniture="stools")
"""The simplest world: every key's first choice."""


def world(**choices: str) -> Kinds:
    """The simplest world with some choices changed."""
    return Kinds(**(PLAIN.model_dump() | choices))
