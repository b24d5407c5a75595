"""The one description of every Zarr intermediate, and the only code that opens one.

One artefact is one zipped store. `Schema.write` checks the arrays, writes under a temporary name
and renames; `Schema.read` checks again, content digest included. Bytes depend on the content only:
entries carry a fixed time stamp, so writing the same arrays twice gives the same file.
"""

import hashlib
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jointreg.errors import StoreError, default_cure
from jointreg.files.atomic import replacing
from jointreg.files.input import absence

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer


LARGEST_UNPACKED, UNPACKED = 2 * 10**9, 1000
"""Bytes that the arrays of a store may have, or times its size where that is more: empty chunks are not
stored."""


@dataclass(frozen=True)
class Array:
    """One array of a schema. A dimension is a fixed size or a name that must agree in the store."""

    dims: tuple[str | int, ...]
    dtype: str
    unit: str
    about: str
    chunk: int = 256
    """Rows along the first dimension in one chunk."""


class Record(dict[str, np.ndarray]):
    """Arrays of one store, also as attributes, with the store's metadata in `attrs`."""

    def __init__(self, arrays: Mapping[str, np.ndarray], attrs: Mapping[str, Any]) -> None:
        super().__init__(arrays)
        self.attrs = dict(attrs)

    def __getattr__(self, name: str) -> np.ndarray:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class Schema:
    """Name, version and arrays of one kind of store."""

    name: str
    version: int
    about: str
    arrays: dict[str, Array]

    def write(
        self,
        path: str | Path,
        arrays: Mapping[str, np.ndarray],
        *,
        attrs: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        """Check `arrays` against the schema and write them atomically.

        Args:
            path: file ending in `.zarr.zip`; its folder is made.
            arrays: exactly the schema's arrays; dtypes are converted only where no value changes kind.
            attrs: facts that belong to the content, for example joint names.
            provenance: what made it (settings, seed, commit, versions); see `jointreg.provenance`.

        Raises:
            StoreError: an array is missing, unknown, of another shape, or not finite.
        """
        import zarr
        from zarr.storage import MemoryStore

        path = Path(path)
        checked = self._check(path, arrays)
        entries: dict[str, Buffer] = {}
        group = zarr.create_group(MemoryStore(entries), zarr_format=3)
        for key, spec in self.arrays.items():
            value = checked[key]
            chunks = (min(spec.chunk, max(len(value), 1)), *(max(n, 1) for n in value.shape[1:]))
            target = group.create_array(
                key,
                shape=value.shape,
                dtype=value.dtype,
                chunks=chunks,
                fill_value=np.nan if value.dtype.kind == "f" else 0,
                dimension_names=[str(d) for d in spec.dims],
                attributes={"unit": spec.unit},
            )
            if value.size:
                target[...] = value
        group.attrs.update(
            {
                "schema": self.name,
                "version": self.version,
                "sha256": {key: _digest(value) for key, value in checked.items()},
                "facts": dict(attrs or {}),
                "provenance": dict(provenance or {}),
            }
        )
        with (
            replacing(path) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
        ):
            for key in sorted(entries):
                entry = zipfile.ZipInfo(key, date_time=(1980, 1, 1, 0, 0, 0))
                archive.writestr(entry, entries[key].to_bytes())

    def read(self, path: str | Path, only: Collection[str] | None = None) -> Record:
        """Read arrays, each checked against the schema and the digest stored with it.

        Args:
            path: the store.
            only: names of the arrays to read; None reads all.

        Raises:
            StoreError: the file is missing, truncated, of another schema or version, or altered.
        """
        import zarr
        from zarr.storage import ZipStore

        path = Path(path)
        again = f"snakemake -f {path}"
        if not path.is_file():
            raise StoreError(f"{path} {absence(path)}", again)
        try:
            with ZipStore(path, mode="r") as store:
                group = zarr.open_group(store, mode="r")
                attrs: dict[str, Any] = dict(group.attrs)
                schema, version = attrs.get("schema"), attrs.get("version")
                if (schema, version) != (self.name, self.version):
                    raise StoreError(
                        f"{path}: schema {schema} version {version}, "
                        f"expected {self.name} version {self.version}",
                        again,
                    )
                members = dict(group.arrays())
                units = {key: member.attrs["unit"] for key, member in members.items()}
                digests, facts = dict(attrs["sha256"]), dict(attrs["facts"])
                facts["provenance"] = dict(attrs["provenance"])
                wanted = set(members) if only is None else set(only)
                declared = sum(members[key].nbytes for key in wanted)
                if declared > max(LARGEST_UNPACKED, UNPACKED * path.stat().st_size):
                    raise ValueError(f"its arrays declare {declared} bytes")
                arrays = {key: np.asarray(members[key][...]) for key in sorted(wanted)}
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(
                f"{path}: not a readable zipped Zarr store, truncated or damaged ({error!r:.200})", again
            ) from error
        for key, spec in self.arrays.items():
            if key in units and units[key] != spec.unit:
                raise StoreError(
                    f"{path}: array '{key}' is in '{units[key]}', expected '{spec.unit}'", again
                )
        with default_cure(again):
            checked = self._check(path, arrays, only)
        for key, value in checked.items():
            if _digest(value) != digests.get(key):
                raise StoreError(f"{path}: array '{key}' differs from the digest written with it", again)
        return Record(checked, facts)

    def _check(
        self, path: Path, arrays: Mapping[str, np.ndarray], only: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        wanted = set(self.arrays) if only is None else set(only)
        unknown, missing = set(arrays) - set(self.arrays), wanted - set(arrays)
        if unknown or missing:
            raise StoreError(
                f"{path}: arrays of schema '{self.name}' are {', '.join(sorted(self.arrays))}; "
                f"missing {', '.join(sorted(missing)) or 'none'}, "
                f"unknown {', '.join(sorted(unknown)) or 'none'}"
            )
        sizes: dict[str, int] = {}
        checked = {}
        for key, spec in self.arrays.items():
            if key not in wanted:
                continue
            try:
                value = np.asarray(arrays[key])
            except (ValueError, TypeError) as error:
                raise StoreError(f"{path}: array '{key}' is none: {error!s:.120}") from error
            fits = value.ndim == len(spec.dims) and all(
                size == (dim if isinstance(dim, int) else sizes.setdefault(dim, size))
                for dim, size in zip(spec.dims, value.shape, strict=True)
            )
            if not fits:
                expected = tuple(
                    f"{d}={sizes[d]}" if isinstance(d, str) and d in sizes else d for d in spec.dims
                )
                raise StoreError(f"{path}: array '{key}' has shape {value.shape}, expected {expected}")
            if not np.can_cast(value.dtype, spec.dtype, casting="same_kind"):
                raise StoreError(f"{path}: array '{key}' is {value.dtype}, expected {spec.dtype}")
            given, value = value, np.ascontiguousarray(value, dtype=spec.dtype)
            if value.dtype.kind in "iu" and (value != given).any():
                lost = given[value != given][0]
                raise StoreError(f"{path}: array '{key}' has {lost}, which {spec.dtype} cannot hold")
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                first = np.argwhere(~np.isfinite(value))[0].tolist()
                raise StoreError(f"{path}: array '{key}' is not finite at index {first}")
            checked[key] = value
        return checked


def require_same_rows(first: Record, second: Record, names: str) -> None:
    """Refuse two stores whose rows are not the same frames (attribute `rows`, see `rows_digest`).

    Raises:
        StoreError: the row digests differ.
    """
    if None in (first.attrs.get("rows"), second.attrs.get("rows")):
        raise StoreError(f"{names}: a store does not name its rows", "make it again by its rule")
    if first.attrs["rows"] != second.attrs["rows"]:
        raise StoreError(
            f"{names}: rows are not the same frames "
            f"({first.attrs.get('rows')} against {second.attrs.get('rows')})",
            "rerun the older of the two with `snakemake -f FILE`",
        )


def rows_digest(take: np.ndarray, camera: np.ndarray, frame: np.ndarray) -> str:
    """Short identity of a list of frames; stored as attribute `rows` by every per-frame store."""
    table = np.stack([take, camera, frame]).astype(np.int64)
    return hashlib.sha256(table.tobytes()).hexdigest()[:16]


def _digest(value: np.ndarray) -> str:
    header = f"{value.shape}{value.dtype}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(value).tobytes()).hexdigest()
