"""Intermediate stores of the workflow."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inputs import raw
from inputs.case import Case, Damage, Original, cases
from inputs.samples import COUNT, posed
from jointreg import stores

KIND = "stores"


def _make(folder: Path) -> None:
    facts = {"rows": "0123456789abcdef", "method": "net"}
    stores.BODIES.write(folder / "bodies.zarr.zip", posed(), attrs=facts)


def _make_masks(folder: Path) -> None:
    draw = np.random.default_rng(5)
    masks = draw.integers(0, 255, (COUNT, 224, 224)).astype(np.uint8)
    arrays = {"masks": masks, "score": np.ones(COUNT, np.float32)}
    stores.MASKS.write(folder / "masks.zarr.zip", arrays, attrs={"rows": "0", "method": "background"})


def _read(schema: str, name: str) -> Callable[..., Any]:
    def read(folder: Path, note: Callable[[str], None]) -> Any:
        record = getattr(stores, schema).read(folder / name)
        return dict(record) | {"facts": record.attrs}

    return read


BODIES = Original(KIND, "bodies", "bodies.zarr.zip", _make, _read("BODIES", "bodies.zarr.zip"))
MASKS = Original(KIND, "masks", "masks.zarr.zip", _make_masks, _read("MASKS", "masks.zarr.zip"))


def _members(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Callable[..., None]:
    def apply(path: Path, _: np.random.Generator) -> None:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, content in change(members).items():
                archive.writestr(name, content)

    return apply


def _attributes(
    name: str, change: Callable[[dict[str, Any]], Any], right: str = "refused", untold: bool = False
) -> Damage:
    """The group's attributes changed."""

    def edit(members: dict[str, bytes]) -> dict[str, bytes]:
        group = json.loads(members["zarr.json"])
        group["attributes"] = change(group["attributes"])
        return members | {"zarr.json": json.dumps(group).encode()}

    return Damage(f"its attributes {name}", _members(edit), right, untold)


def _array(name: str, change: Callable[[dict[str, Any]], Any]) -> Damage:
    """The description of one array changed."""

    def edit(members: dict[str, bytes]) -> dict[str, bytes]:
        array = json.loads(members["betas/zarr.json"])
        return members | {"betas/zarr.json": json.dumps(change(array)).encode()}

    return Damage(f"array betas {name}", _members(edit))


def _without(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda table: {k: v for k, v in table.items() if k != key}


def _with(key: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda table: table | {key: value}


KEYS = ("schema", "version", "sha256", "facts", "provenance")
ATTRIBUTES = [
    *(_attributes(f"lack {key}", _without(key)) for key in KEYS),
    *(
        _attributes(f"have {name} for {key}", _with(key, value))
        for key in KEYS
        for name, value in (
            *(("nothing", None), ("a word", "nonsense"), ("a list", [1, 2]), ("a number", 17)),
            *(("an empty table", {}), ("a table of nothing", {"betas": None})),
        )
        if not (key in ("facts", "provenance") and name in ("an empty table", "a table of nothing"))
    ),
    _attributes(
        "have another fact", lambda a: a | {"facts": a["facts"] | {"rows": "fedcba"}}, untold=True
    ),
    _attributes("have one more key", _with("comment", "mine"), "accepted"),
    _attributes("are a list", lambda a: [a]),
    _attributes("are nothing", lambda a: None),
]
ARRAYS = [
    *(
        _array(f"lacks {key}", _without(key))
        for key in (
            "shape",
            "data_type",
            "chunk_grid",
            "codecs",
            "attributes",
            "zarr_format",
            "node_type",
            "fill_value",
        )
    ),
    _array("is declared shorter", _with("shape", [COUNT - 1, 10])),
    _array("is declared longer", _with("shape", [COUNT + 3, 10])),
    _array("is declared flat", _with("shape", [COUNT * 10])),
    _array("is declared float64", _with("data_type", "float64")),
    _array("is declared int32", _with("data_type", "int32")),
    _array("is declared complex", _with("data_type", "complex64")),
    _array("is of an unknown kind", _with("data_type", "float12")),
    _array("is in another unit", _with("attributes", {"unit": "mm"})),
    _array("has no unit", _with("attributes", {})),
    _array("is a group", _with("node_type", "group")),
    _array("is of another format", _with("zarr_format", 2)),
    _array("has a word for its shape", _with("shape", "six")),
    _array("has a negative shape", _with("shape", [-6, 10])),
]


def _chunk(name: str, change: Callable[[bytes], bytes]) -> Damage:
    def edit(members: dict[str, bytes]) -> dict[str, bytes]:
        key = next(key for key in members if key.startswith("betas/c/"))
        return members | {key: change(members[key])}

    return Damage(f"a chunk of betas {name}", _members(edit))


MEMBERS = [
    _chunk("is empty", lambda c: b""),
    _chunk("is cut", lambda c: c[: len(c) // 2]),
    _chunk("has a bit flipped", lambda c: c[:-9] + bytes([c[-9] ^ 4]) + c[-8:]),
    _chunk("is words", lambda c: b"nonsense" * 10),
    _chunk("is doubled", lambda c: c + c),
    *(
        Damage(
            f"lacks {name}",
            _members(lambda m, name=name: {k: v for k, v in m.items() if not k.startswith(name)}),
        )
        for name in ("zarr.json", "betas", "betas/zarr.json", "betas/c", "rotations/c")
    ),
    Damage("has one more member", _members(lambda m: m | {"readme.txt": b"mine"}), "accepted"),
    Damage(
        "has one more array",
        _members(lambda m: m | {k.replace("betas", "other"): v for k, v in m.items()}),
    ),
    Damage(
        "has two arrays exchanged",
        _members(lambda m: m | {"betas/zarr.json": m["translation/zarr.json"]}),
    ),
    Damage("has no members", _members(lambda m: {})),
    Damage("is in a folder", _members(lambda m: {f"bodies/{k}": v for k, v in m.items()})),
    Damage("has words for its group", _members(lambda m: m | {"zarr.json": b"nonsense"})),
    Damage("has words for an array", _members(lambda m: m | {"betas/zarr.json": b"{"})),
]
ZIP = [*raw.whole(), *raw.cut(), *raw.ends()]
CASES: list[Case] = [
    *cases(BODIES, [*ZIP, *raw.flips(8, untold=False), *ATTRIBUTES, *ARRAYS, *MEMBERS]),
    *cases(MASKS, [*raw.cut(), *raw.flips(4, untold=False)]),
]
