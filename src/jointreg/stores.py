"""The one description of every Zarr intermediate, and the only code that opens one.

One artefact is one zipped store. `Schema.write` checks the arrays, writes under a temporary name
and renames; `Schema.read` checks again, content digest included. Bytes depend on the content only:
entries carry a fixed time stamp, so writing the same arrays twice gives the same file.
"""

import hashlib
import os
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.errors import StoreError


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
        store = MemoryStore()
        group = zarr.create_group(store, zarr_format=3)
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
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
                for key in sorted(store._store_dict):
                    entry = zipfile.ZipInfo(key, date_time=(1980, 1, 1, 0, 0, 0))
                    archive.writestr(entry, store._store_dict[key].to_bytes())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

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
            raise StoreError(f"{path} does not exist", again)
        try:
            with ZipStore(path, mode="r") as store:
                group = zarr.open_group(store, mode="r")
                attrs: dict[str, Any] = dict(group.attrs)
                found = attrs.get("schema"), attrs.get("version")
                if found != (self.name, self.version):
                    raise StoreError(
                        f"{path}: schema {found[0]} version {found[1]}, "
                        f"expected {self.name} version {self.version}",
                        again,
                    )
                members = dict(group.arrays())
                units = {key: member.attrs["unit"] for key, member in members.items()}
                wanted = set(members) if only is None else set(only)
                arrays = {key: np.asarray(members[key][...]) for key in sorted(wanted)}
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(
                f"{path}: not a readable zipped Zarr store, truncated or damaged ({error})", again
            ) from error
        for key, spec in self.arrays.items():
            if key in units and units[key] != spec.unit:
                raise StoreError(
                    f"{path}: array '{key}' is in '{units[key]}', expected '{spec.unit}'", again
                )
        checked = self._check(path, arrays, only)
        for key, value in checked.items():
            if _digest(value) != attrs["sha256"].get(key):
                raise StoreError(f"{path}: array '{key}' differs from the digest written with it", again)
        return Record(checked, attrs["facts"] | {"provenance": attrs["provenance"]})

    def _check(
        self, path: Path, arrays: Mapping[str, np.ndarray], only: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        wanted = set(self.arrays) if only is None else set(only)
        unknown, missing = set(arrays) - set(self.arrays), wanted - set(arrays)
        if unknown or missing:
            raise StoreError(
                f"{path}: arrays of schema '{self.name}' are {sorted(self.arrays)}; "
                f"missing {sorted(missing)}, unknown {sorted(unknown)}"
            )
        sizes: dict[str, int] = {}
        checked = {}
        for key, spec in self.arrays.items():
            if key not in wanted:
                continue
            value = np.asarray(arrays[key])
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
            value = np.ascontiguousarray(value, dtype=spec.dtype)
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
    if first.attrs.get("rows") != second.attrs.get("rows"):
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


CROP = 224
"""Side of a person crop in pixels: the input size of SPIN, VIBE and MEVA."""

FRAMES = Schema(
    "frames",
    2,
    "One sequence after `prepare`: a row is one image of one camera, an undistorted square crop that "
    "is an exact pinhole. Facts: rows, camera_names, cameras (rotation and translation in metres, world "
    "to camera), take_names, joint_names, labels, image_size.",
    {
        "crops": Array(("frame", CROP, CROP, 3), "uint8", "RGB 0-255", "Undistorted crop.", chunk=16),
        "joints_cam": Array(("frame", 17, 3), "float32", "m", "Labels, camera frame, H36M_17 order."),
        "joints_px": Array(("frame", 17, 2), "float32", "px", "Labels projected into the crop."),
        "crop_intrinsics": Array(("frame", 3, 3), "float64", "px", "Pinhole K of the crop."),
        "camera": Array(("frame",), "int16", "index", "Row of facts.camera_names."),
        "take": Array(("frame",), "int16", "index", "Row of facts.take_names."),
        "frame": Array(
            ("frame",),
            "int32",
            "index",
            "Frame of the take, from 0, for all cameras.",
        ),
    },
)

MASKS = Schema(
    "masks",
    1,
    "Person masks in crop coordinates. Facts: rows, method.",
    {
        "masks": Array(("frame", CROP, CROP), "uint8", "probability x 255", "Person.", chunk=64),
        "score": Array(("frame",), "float32", "1", "Confidence 0-1; 0: no person, mask is empty."),
    },
)

BODIES = Schema(
    "bodies",
    1,
    "One body a row, camera frame of `frames`. Facts: rows, method; of networks also input: kind, crop, "
    "orientation.",
    {
        "rotations": Array(("frame", 24, 3, 3), "float32", "1", "Global orientation, 23 joints."),
        "betas": Array(("frame", "beta"), "float32", "sd", "Shape coefficients."),
        "translation": Array(("frame", 3), "float32", "m", "Added to every vertex."),
    },
)

FEATURES = Schema(
    "features",
    1,
    "What SPIN's ResNet-50 says of every row of `frames`, in pictures cut by one rule of "
    "`networks.crops`. Facts: rows, crop.",
    {
        "features": Array(("frame", 2048), "float32", "1", "Output of the backbone."),
        "crop_intrinsics": Array(("frame", 3, 3), "float64", "px", "Pinhole K of the picture."),
    },
)

JOINTS = Schema(
    "joints",
    1,
    "Joints of a method that has no bodies, in place of `bodies`. Facts: rows, method.",
    {"joints": Array(("frame", 17, 3), "float32", "m", "Camera frame, order of skeleton.H36M_17.")},
)

ENERGIES = Schema(
    "energies",
    2,
    "Energies of Eq. 2 over the iterations of `optimize`, before weighting. Facts: rows, terms.",
    {
        "iteration": Array(("step",), "int32", "index", "Iterations that were stored."),
        "energies": Array(("frame", "step", 4), "float32", "m^2, px, 1, px^2", "See facts.terms."),
    },
)

BACKGROUND = Schema(
    "background",
    1,
    "Empty-room image of each camera, full size. Facts: camera_names.",
    {
        "median": Array(("camera", "row", "column", 3), "uint8", "RGB 0-255", "Median.", chunk=1),
        "spread": Array(
            ("camera", "row", "column", 3),
            "uint8",
            "RGB / 16",
            "Noise, robust standard deviation.",
            chunk=1,
        ),
    },
)

ERRORS = Schema(
    "errors",
    1,
    "Errors of one method on one subject after root alignment and after similarity alignment. "
    "Facts: regressors, actions, joint_names, protocol, input (of networks).",
    {
        "mpjpe": Array(("regressor", "frame", 17), "float32", "m", "Root-aligned distance."),
        "pa_mpjpe": Array(("regressor", "frame", 17), "float32", "m", "After Procrustes."),
        "action": Array(("frame",), "int16", "index", "Row of facts.actions."),
        "take": Array(("frame",), "int16", "index", "Take within the action."),
        "camera": Array(("frame",), "int16", "index", "Row of facts.camera_names."),
        "frame": Array(("frame",), "int32", "index", "Frame number in the video."),
    },
)

OFFSETS = Schema(
    "offsets",
    1,
    "Label offsets of the training subjects in the frames of their limbs, and the regressor they were "
    "fitted with. Facts: subjects, joint_names, topology_hash, frames.",
    {
        "weights": Array(("joint", "vertex"), "float64", "1", "The regressor that all share."),
        "offsets": Array(("subject", 17, 3), "float64", "m", "Sum to 0 over subjects."),
        "error": Array(("subject", 17, 3), "float64", "m", "Standard error of `offsets`."),
        "noise": Array((51, 51), "float64", "m^2", "Covariance of the mean over one sequence."),
        "spread": Array((1,), "float64", "m", "Standard deviation of an offset, an axis."),
    },
)

LEARNING_CURVE = Schema(
    "learning_curve",
    1,
    "Regressors of some subjects and some of their frames. Facts: subsets (the subjects of each fit), "
    "joint_names, topology_hash.",
    {
        "weights": Array(
            ("fit", 17, "vertex"), "float64", "1", "Of the vertices that any fit uses.", 16
        ),
        "vertices": Array(("vertex",), "int32", "index", "Which vertices of the mesh these are."),
        "fraction": Array(("fit",), "float64", "1", "Share of the frames of the fit's subjects."),
        "frames": Array(("fit",), "int32", "1", "Number of frames."),
    },
)

SCHEMAS = (
    *(FRAMES, MASKS, FEATURES, BODIES, JOINTS, ENERGIES),
    *(BACKGROUND, ERRORS, OFFSETS, LEARNING_CURVE),
)


def of_method(kind: str) -> Schema:
    """Schema of what `estimate` writes for a method of this kind (`sequences.KINDS`)."""
    return JOINTS if kind == "joints" else BODIES
