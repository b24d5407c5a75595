"""Files that contain tables of arrays (npz, pickles, torch.save), and damages of their entries."""

import pickle
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inputs.case import Damage


@dataclass(frozen=True)
class Container:
    """How a table of keys and values is read from a file and written to it."""

    load: Callable[[Path], dict[str, Any]]
    save: Callable[[Path, dict[Any, Any]], None]


def _load_npz(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=True) as archive:
        return {key: archive[key] for key in archive.files}


def _save_npz(path: Path, table: dict[Any, Any]) -> None:
    with path.open("wb") as stream:
        np.savez(stream, **{str(key): value for key, value in table.items()})


def _load_torch(path: Path) -> dict[str, Any]:
    import torch

    return _each(torch.load(path, weights_only=False), torch.Tensor, lambda value: value.numpy())


def _save_torch(path: Path, table: dict[Any, Any]) -> None:
    import torch

    torch.save(_each(table, np.ndarray, _tensor), path)


def _tensor(value: np.ndarray) -> Any:
    """A tensor, or the array itself where torch has no such numbers."""
    import torch

    try:
        return torch.from_numpy(np.ascontiguousarray(value))
    except TypeError:
        return value


def _each(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """The same tables with every value of a kind changed."""
    if isinstance(value, dict):
        return {key: _each(item, kind, change) for key, item in value.items()}
    return change(value) if isinstance(value, kind) else value


NPZ = Container(_load_npz, _save_npz)
PICKLE = Container(
    lambda path: pickle.loads(path.read_bytes()),
    lambda path, table: path.write_bytes(pickle.dumps(table)) and None,
)
TORCH = Container(_load_torch, _save_torch)
NPY = Container(
    lambda path: {"matrix": np.load(path)},
    lambda path, table: np.save(path, table["matrix"]),
)
"""One array, as a table with the key `matrix`."""

Value = Callable[[Any, np.random.Generator], Any]


def _one(fill: float) -> Value:
    """One random entry is this number."""

    def change(value: Any, rng: np.random.Generator) -> Any:
        changed = np.array(value, dtype=np.result_type(value, np.float32))
        changed[tuple(int(rng.integers(size)) for size in changed.shape)] = fill
        return changed

    return change


def _row(change: Callable[[np.ndarray], Any]) -> Value:
    """One random row is changed."""

    def apply(value: Any, rng: np.random.Generator) -> Any:
        changed = np.array(value, dtype=np.result_type(value, np.float32))
        row = int(rng.integers(len(changed)))
        changed[row] = change(changed[row])
        return changed

    return apply


SHAPES: dict[str, Value] = {
    "transposed": lambda value, _: np.asarray(value).T,
    "flat": lambda value, _: np.asarray(value).ravel(),
    "with one more axis": lambda value, _: np.asarray(value)[None],
    "without its last row": lambda value, _: value[:-1],
    "with its last row twice": lambda value, _: np.concatenate([value, value[-1:]]),
    "of no rows": lambda value, _: value[:0],
    "without its last column": lambda value, _: np.asarray(value)[..., :-1],
    "one number": lambda value, _: np.float64(1.0),
}
KINDS: dict[str, Value] = {
    "text": lambda value, _: np.asarray(value).astype(str),
    "objects": lambda value, _: np.asarray(value).astype(object),
    "complex": lambda value, _: np.asarray(value).astype(complex) * (1 + 0.5j),
    "yes and no": lambda value, _: np.asarray(value) > 0,
    "dates": lambda value, _: (1000 * np.asarray(value)).astype("datetime64[s]"),
    "rounded to whole numbers": lambda value, _: np.round(value).astype(np.int64),
    "a word": lambda value, _: np.array("none"),
    "nothing": lambda value, _: np.array(None),
    "a table": lambda value, _: np.array({"value": 1}),
    "bytes": lambda value, _: np.asarray(value).astype("S8"),
}
NUMBERS: dict[str, Value] = {
    "not a number in one place": _one(np.nan),
    "infinite in one place": _one(np.inf),
    "1e30 in one place": _one(1e30),
    "-1e30 in one place": _one(-1e30),
    "not a number throughout": lambda value, _: np.full(np.shape(value), np.nan),
    "zero throughout": lambda value, _: np.zeros_like(value),
    "1e30 throughout": lambda value, _: np.full(np.shape(value), 1e30),
    "a thousand times larger": lambda value, _: np.asarray(value) * 1000.0,
    "a thousand times smaller": lambda value, _: np.asarray(value) / 1000.0,
    "a hundred times larger": lambda value, _: np.asarray(value) * 100.0,
    "in inches": lambda value, _: np.asarray(value) / 0.0254,
    "a thousand times larger in one row": _row(lambda row: row * 1000),
    "zero in one row": _row(lambda row: row * 0),
    "of the other sign": lambda value, _: -np.asarray(value, dtype=float),
}


def entries(
    container: Container,
    keys: Iterable[str],
    changes: dict[str, Value],
    *,
    untold: Collection[str] = (),
    accepted: Collection[str] = (),
    noted: Collection[str] = (),
    without: Collection[str] = (),
) -> list[Damage]:
    """Each change of each entry.

    Args:
        container: of the file.
        keys: entries; dots lead into tables within tables.
        changes: name -> change of the value.
        untold: changes, or `key change`, that nothing in the file shows.
        accepted: those after which the same number comes out.
        noted: those that are accepted with a note.
        without: those to leave out.
    """
    damages = []
    for key in keys:
        for name, change in changes.items():
            words = {name, f"{key} {name}"}
            if words & set(without):
                continue
            damage = Damage(f"{key} is {name}", _changed(container, key, change))
            if words & set(untold):
                damage = replace(damage, untold=True)
            if words & set(accepted):
                damage = replace(damage, right="accepted")
            if words & set(noted):
                damage = replace(damage, right="noted")
            damages.append(damage)
    return damages


def entry(
    container: Container,
    name: str,
    key: str,
    change: Callable[[Any], Any],
    right: str = "refused",
    untold: bool = False,
) -> Damage:
    """One entry changed; a dotted key leads into tables within tables."""
    apply = _changed(container, key, lambda value, _: change(value))
    return Damage(f"{key} {name}", apply, right, untold)


def keys_of(
    container: Container,
    keys: Iterable[str],
    *,
    optional: Collection[str] = (),
) -> list[Damage]:
    """Keys that are missing, misspelt or strange, and others beside them.

    Args:
        container: of the file.
        keys: of the file.
        optional: keys whose absence changes the number by right.
    """
    damages = []
    for key in keys:
        left_out = _table(container, lambda table, key=key: _without(table, key))
        renamed = _table(container, lambda table, key=key: _renamed(table, key, key.upper() + "_"))
        damages += [
            Damage(f"{key} is missing", left_out, untold=key in optional),
            Damage(f"{key} is misspelt", renamed, untold=key in optional),
        ]
    return damages


def tables(container: Container, *, pickled: bool = False) -> list[Damage]:
    """The table itself is another thing. A pickled one may be a table of people, which has no others."""
    extra = "refused" if pickled else "accepted"
    damages = [
        Damage(
            "has another entry", _table(container, lambda t: t | {"comment": np.array("mine")}), extra
        ),
        Damage("has no entries", _table(container, lambda t: {})),
        Damage(
            "has entries in another order",
            _table(container, lambda t: dict(reversed(list(t.items())))),
            "accepted",
        ),
    ]
    if pickled:
        damages += [
            Damage("is a list of its values", _table(container, lambda t: list(t.values()))),
            Damage("is in a table", _table(container, lambda t: {"data": t})),
            Damage("is in a list", _table(container, lambda t: [t])),
            Damage("is nothing", _table(container, lambda t: None)),
            Damage("is a number", _table(container, lambda t: 3.5)),
            Damage("is a word", _table(container, lambda t: "none")),
            Damage("has numbers for keys", _table(container, lambda t: dict(enumerate(t.values())))),
            Damage("has nothing for values", _table(container, lambda t: dict.fromkeys(t))),
            Damage("has words for values", _table(container, lambda t: dict.fromkeys(t, "none"))),
            Damage(
                "has lists of different lengths",
                _table(container, lambda t: {key: [[1.0], [2.0, 3.0]] for key in t}),
            ),
        ]
    return damages


def _inner(table: dict[Any, Any], key: str) -> tuple[dict[Any, Any], str]:
    *path, last = key.split(".")
    for part in path:
        table = table[part]
    return table, last


def _without(table: dict[Any, Any], key: str) -> dict[Any, Any]:
    inner, last = _inner(table, key)
    del inner[last]
    return table


def _renamed(table: dict[Any, Any], key: str, name: str) -> dict[Any, Any]:
    inner, last = _inner(table, key)
    inner[name.rpartition(".")[2]] = inner.pop(last)
    return table


def _table(
    container: Container, change: Callable[[dict[Any, Any]], Any]
) -> Callable[[Path, np.random.Generator], None]:
    def apply(path: Path, _: np.random.Generator) -> None:
        container.save(path, change(container.load(path)))

    return apply


def _changed(
    container: Container, key: str, change: Value
) -> Callable[[Path, np.random.Generator], None]:
    def apply(path: Path, rng: np.random.Generator) -> None:
        table = container.load(path)
        inner, last = _inner(table, key)
        inner[last] = change(inner[last], rng)
        container.save(path, table)

    return apply
