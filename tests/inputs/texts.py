"""Damages of text files: of their letters, of tables with tabs, of JSON and YAML."""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from inputs.case import Damage

Lines = Callable[[list[str]], list[str]]


def letters(*, mark: str = "accepted", comment: str = "") -> list[Damage]:
    """Encodings, line ends and quotes. `mark`: the right answer to a byte order mark."""
    return [
        Damage("begins with a byte order mark", _text(lambda t: t, "utf-8-sig"), mark),
        Damage("is in UTF-16", _text(lambda t: t, "utf-16")),
        Damage("is in UTF-16 without a mark", _text(lambda t: t, "utf-16-le")),
        Damage("is in UTF-32", _text(lambda t: t, "utf-32")),
        Damage("has letters in Latin-1", _text(lambda t: t + f"{comment}é\n", "latin-1")),
        Damage("has Windows line ends", _text(lambda t: t.replace("\n", "\r\n")), "accepted"),
        Damage("has a NUL in it", _text(lambda t: t[:20] + "\0" + t[20:])),
        Damage("has a control letter in it", _text(lambda t: t[:20] + "\x1b" + t[20:])),
        Damage("has an open quote", _text(lambda t: '"' + t)),
        Damage("has a quote in the middle", _text(lambda t: t[: len(t) // 2] + '"' + t[len(t) // 2 :])),
        Damage("has typographic quotes", _text(lambda t: t.replace('"', "“"))),
    ]


def rows(changes: dict[str, Lines], **sets: Collection[str]) -> list[Damage]:
    """Changes of the lines of a text; `untold`, `accepted` and `noted` name those of other answers."""
    return [_marked(Damage(name, _lines(change)), sets) for name, change in changes.items()]


def cells(
    columns: Iterable[str], values: dict[str, str], row: int = 1, **sets: Collection[str]
) -> list[Damage]:
    """Other values in the cells of one row of a table with tabs; row 0 has the columns' names."""
    damages = []
    for column in columns:
        for name, value in values.items():

            def change(lines: list[str], column: str = column, value: str = value) -> list[str]:
                start = next(n for n, line in enumerate(lines) if column in line.split("\t"))
                names, parts = lines[start].split("\t"), lines[start + row].split("\t")
                parts[names.index(column)] = value.replace("#", parts[names.index(column)])
                return [*lines[: start + row], "\t".join(parts), *lines[start + row + 1 :]]

            damages.append(_marked(Damage(f"{column} is {name}", _lines(change)), sets))
    return damages


TABLE: dict[str, Lines] = {
    "has a column less": lambda lines: [line.rpartition("\t")[0] for line in lines],
    "has a column more": lambda lines: [f"{line}\tmore" for line in lines],
    "has commas for tabs": lambda lines: [line.replace("\t", ",") for line in lines],
    "has blanks for tabs": lambda lines: [line.replace("\t", "  ") for line in lines],
    "has two tabs for one": lambda lines: [line.replace("\t", "\t\t", 1) for line in lines],
    "has a row with a column less": lambda lines: [*lines[:-1], lines[-1].rpartition("\t")[0]],
    "has a row with a column more": lambda lines: [*lines[:-1], lines[-1] + "\tmore"],
    "has no columns' names": lambda lines: lines[1:],
    "has only its columns' names": lambda lines: lines[:1],
    "has the columns' names twice": lambda lines: [lines[0], *lines],
    "has columns in another order": lambda lines: [_swapped(line) for line in lines],
    "has a misspelt column": lambda lines: [lines[0].upper(), *lines[1:]],
    "has its last row twice": lambda lines: [*lines, lines[-1]],
    "has a row of one word": lambda lines: [*lines, "word"],
    "has a row of tabs": lambda lines: [*lines, "\t" * lines[0].count("\t")],
    "has empty lines in it": lambda lines: [line for one in lines for line in (one, "")],
    "has a comment in it": lambda lines: [lines[0], "# mine", *lines[1:]],
    "has quotes round the columns' names": lambda lines: [_quoted(lines[0]), *lines[1:]],
    "has quotes round a row": lambda lines: [*lines[:-1], _quoted(lines[-1])],
    "has an open quote in a row": lambda lines: [lines[0], '"' + lines[1], *lines[2:]],
}
CELLS = {
    "empty": "",
    "a blank": " ",
    "with a blank behind": "# ",
    "with a blank before": " #",
    "a word": "nonsense",
    "negative": "-3",
    "a fraction": "1.5",
    "a superscript": "²",
    "in other digits": "٣",
    "with an underscore": "1_0",
    "not a number": "nan",
    "huge": "99999999999999999999",
    "a path": "../#",
    "a place": "{#}",
    "attributes of a place": "{subject.__class__}",
    "a wide place": "{subject:9999}",
    "quoted": '"#"',
    "twice": "#,#",
    "with a NUL": "#\0",
    "with a comma behind": "#,",
    "in another case": "#x",
}


@dataclass(frozen=True)
class Tree:
    """How nested tables are read from a text and written as one."""

    load: Callable[[str], Any]
    dump: Callable[[Any], str]


JSON = Tree(json.loads, lambda value: json.dumps(value, indent=1))
YAML = Tree(yaml.safe_load, lambda value: yaml.safe_dump(value, sort_keys=False, allow_unicode=True))

VALUES: dict[str, Any] = {
    "nothing": None,
    "a word": "nonsense",
    "an empty word": "",
    "a number": 3,
    "a fraction": 0.5,
    "negative": -1,
    "huge": 1e300,
    "tiny": 1e-300,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "true": True,
    "a list": [1, 2, 3],
    "an empty list": [],
    "a list of lists": [[1, 2], [3]],
    "a table": {"value": 1},
    "an empty table": {},
}


def values(
    tree: Tree, places: Iterable[str], which: dict[str, Any] = VALUES, **sets: Collection[str]
) -> list[Damage]:
    """Other values at places of a tree (keys joined by dots, numbers for lists), or none."""
    damages = []
    for place in places:
        for name, value in which.items():
            damages.append(_marked(Damage(f"{place} is {name}", _put(tree, place, value)), sets))
        damages.append(_marked(Damage(f"{place} is missing", _drop(tree, place)), sets))
    return damages


def scaled(tree: Tree, place: str, factors: dict[str, float], **sets: Collection[str]) -> list[Damage]:
    """Numbers at a place, multiplied."""
    return [
        _marked(
            Damage(f"{place} is {name}", _apply(tree, place, lambda v, f=f: (np.array(v) * f).tolist())),
            sets,
        )
        for name, f in factors.items()
    ]


def changed(
    tree: Tree,
    name: str,
    place: str,
    change: Callable[[Any], Any],
    right: str = "refused",
    untold: bool = False,
) -> Damage:
    """A value at a place of a tree, changed."""
    return Damage(name, _apply(tree, place, change), right, untold)


def trees(tree: Tree, extra: str = "refused") -> list[Damage]:
    """The tree itself is another thing. `extra`: the right answer to a key that nobody knows."""
    brackets = "[" * 5000 + "]" * 5000
    return [
        Damage("is a list", _text(lambda t: tree.dump([tree.load(t)]))),
        Damage("is a word", _text(lambda t: tree.dump("nonsense"))),
        Damage("is a number", _text(lambda t: tree.dump(3))),
        Damage("is nothing", _text(lambda t: tree.dump(None))),
        Damage("is an empty table", _text(lambda t: tree.dump({}))),
        Damage("is in a table", _text(lambda t: tree.dump({"data": tree.load(t)}))),
        Damage("is nested deep", _text(lambda t: brackets)),
        Damage(
            "has a key that nobody knows",
            _text(lambda t: tree.dump(tree.load(t) | {"strange": 1})),
            extra,
        ),
        Damage("has words behind it", _text(lambda t: t + "\n}]: nonsense: [{\n")),
        Damage("has a comma too many", _text(lambda t: t.replace("\n", ",\n", 1))),
        Damage("has a bracket less", _text(lambda t: t.rstrip().rstrip("}]"))),
    ]


def _marked(damage: Damage, sets: dict[str, Collection[str]]) -> Damage:
    changes: dict[str, Any] = {}
    for answer, names in sets.items():
        if damage.name in names or any(damage.name.endswith(f" is {name}") for name in names):
            changes |= {"untold": True} if answer == "untold" else {"right": answer}
    return replace(damage, **changes)


def _text(change: Callable[[str], str], encoding: str = "utf-8") -> Callable[..., None]:
    def apply(path: Path, _: np.random.Generator) -> None:
        path.write_bytes(change(path.read_text(encoding="utf-8")).encode(encoding))

    return apply


def _lines(change: Lines) -> Callable[..., None]:
    return _text(lambda text: "\n".join(change(text.rstrip("\n").split("\n"))) + "\n")


def _swapped(line: str) -> str:
    first, *others = line.split("\t")
    return "\t".join([*others, first])


def _quoted(line: str) -> str:
    return "\t".join(f'"{cell}"' for cell in line.split("\t"))


def _at(content: Any, place: str) -> tuple[Any, Any]:
    *path, last = [int(part) if part.isdecimal() else part for part in place.split(".")]
    for part in path:
        content = content[part]
    return content, last


def _apply(tree: Tree, place: str, change: Callable[[Any], Any]) -> Callable[..., None]:
    def edit(text: str) -> str:
        content = tree.load(text)
        inner, last = _at(content, place)
        inner[last] = change(inner[last])
        return tree.dump(content)

    return _text(edit)


def _put(tree: Tree, place: str, value: Any) -> Callable[..., None]:
    return _apply(tree, place, lambda _: value)


def _drop(tree: Tree, place: str) -> Callable[..., None]:
    def edit(text: str) -> str:
        content = tree.load(text)
        inner, last = _at(content, place)
        del inner[last]
        return tree.dump(content)

    return _text(edit)
