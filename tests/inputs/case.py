"""Damaged inputs: a sound original, what is done to it, and what is the right answer."""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Reader = Callable[[Path, Callable[[str], None]], Any]


@dataclass(frozen=True)
class Original:
    """A sound input: files in a folder, and the public function that reads them."""

    kind: str
    """Row of the totals."""
    name: str
    file: str
    """The file that is damaged, relative to the folder."""
    make: Callable[[Path], None]
    """Writes the files into an empty folder."""
    read: Reader
    """(folder, note) -> numbers that come out: arrays, numbers, text, and containers of them. Sentences
    that are printed or given to `note` count as notes."""
    named: tuple[str, ...] = ()
    """Words besides the file's name that say in an error which input is meant."""
    seconds: float = 20.0
    """Most processor time that reading may take."""


@dataclass(frozen=True)
class Damage:
    """One change of a file, and the right answer to it."""

    name: str
    apply: Callable[[Path, np.random.Generator], None]
    """Changes the file at a path."""
    right: str = "refused"
    """`refused`: an error of the project, or the number of the undamaged file. `accepted`: that number.
    `noted`: accepted, and a sentence is printed."""
    untold: bool = False
    """Whether nothing in the file shows the damage, so that another number cannot be helped."""


@dataclass(frozen=True)
class Case:
    """A damage of a file of an original."""

    original: Original
    damage: Damage
    file: str

    @property
    def name(self) -> str:
        """Unique, as it is printed."""
        return f"{self.original.kind} | {self.original.name} | {self.file} | {self.damage.name}"

    def generator(self, seed: int) -> np.random.Generator:
        """Random numbers that depend on the seed and the case only."""
        return np.random.default_rng([seed, zlib.crc32(self.name.encode())])


def cases(original: Original, damages: Iterable[Damage], file: str = "") -> list[Case]:
    """A case for each damage of a file of the original; empty: its own file."""
    return [Case(original, damage, file or original.file) for damage in damages]
