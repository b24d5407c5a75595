"""Kinds of the open data set that tests ask for."""

from jointreg.config.data import Kinds
from jointreg.synthetic.parameters import SIMPLEST


def world(**choices: str) -> Kinds:
    """The simplest world with some choices changed."""
    return Kinds(**(SIMPLEST.model_dump() | choices))
