"""Posed meshes and labelled joints frame by frame, of any mesh and joint set."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from jointreg.body.model import Body
from jointreg.errors import DataError
from jointreg.plausible import BODY_M, to_metres
from jointreg.predictions.vertices import HALF, in_half_precision
from jointreg.provenance import content_digest
from jointreg.regressor.label_files import Labels
from jointreg.regressor.mesh_files import open_meshes

CHUNK = 64
"""Frames read at a time, at most."""
LEAST_CHUNKS = 12
"""Chunks that all frames make, so that runs of them can be left out of a fit."""
REACH_M = 2.0
"""Farthest that a label may lie from the middle of its mesh."""


class LabelledMeshes:
    """Meshes and labels frame by frame, read again in every pass.

    Args:
        vertices: files as `open_meshes` takes them, metres.
        labels: of all frames, in the order of the files. Of a csv the last frames may be missing.
        note: called with a sentence on frames without any label, and on half precision.
        body: poses the files, which then contain its parameters.

    Raises:
        DataError: no such file, another shape, other numbers of vertices or frames; when frames are
            read also vertices that are not finite, or a label farther than `REACH_M` from its mesh.
        UnitError: when frames are read: an extent that no body has in metres.
    """

    def __init__(
        self,
        vertices: Sequence[str | Path],
        labels: Labels,
        note: Callable[[str], None] = print,
        body: Body | None = None,
    ) -> None:
        self.files = [Path(file) for file in vertices]
        self.labels = labels
        self.meshes = [open_meshes(file, body) for file in self.files]
        self._checked = False
        self._note = note
        self._noted: set[Path] = set()
        if len({meshes.vertices for meshes in self.meshes}) > 1:
            sizes = sorted({meshes.vertices for meshes in self.meshes})
            raise DataError(
                f"meshes have {' and '.join(map(str, sizes))} vertices, expected one mesh",
                "fit to one mesh at a time",
            )
        self.n_vertices = self.meshes[0].vertices
        self.frames = sum(meshes.frames for meshes in self.meshes)
        if labels.sparse and len(labels.joints) < self.frames:
            more = self.frames - len(labels.joints)
            joints = np.pad(labels.joints, ((0, more), (0, 0), (0, 0)), constant_values=np.nan)
            self.labels = labels = labels._replace(joints=joints)
        without = np.flatnonzero(np.isnan(labels.joints).all(axis=(1, 2)))
        if len(without):
            note(
                f"{len(without)} of {len(labels.joints)} frames have no label, the first is frame "
                f"{without[0]}: they are left out. Frames count from 0"
            )
        if self.frames != len(labels.joints):
            raise DataError(
                f"{self.frames} meshes and labels of {len(labels.joints)} frames, expected as many",
                "give one label for each mesh, in the order of the files; NaN where there is none. "
                "Frames of a csv count from 0",
            )
        self._require_same_rows()

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Vertices (n, V, 3), floats, and joints (n, J, 3), float64, of up to `CHUNK` frames.

        The first whole pass looks whether they are plausible.
        """
        first, count = 0, min(CHUNK, -(-self.frames // LEAST_CHUNKS))
        for file, meshes in zip(self.files, self.meshes, strict=True):
            begin = 0
            for part in meshes.parts(count):
                joints = self.labels.joints[first : first + len(part)]
                if not self._checked:
                    _require_frames(part, joints, file, begin, self.labels.titles)
                    if file not in self._noted and in_half_precision(part):
                        self._noted.add(file)
                        self._note(f"{file}: vertices {HALF}")
                yield part, joints
                first, begin = first + len(part), begin + len(part)
        self._checked = True

    def _require_same_rows(self) -> None:
        """Refuse labels of other frames than those of the meshes, as far as the files name them.

        Label n belongs to mesh n. Where one side names its rows only, its frame numbers must rise.
        """
        first = 0
        for file, meshes in zip(self.files, self.meshes, strict=True):
            part = slice(first, first + meshes.frames)
            labelled = None if self.labels.rows is None else self.labels.rows[part]
            first += meshes.frames
            sides = {str(file): meshes.rows, "the labels": labelled}
            named = {what: rows for what, rows in sides.items() if rows is not None}
            if len(named) == 2 and len({rows.dtype.kind for rows in named.values()}) == 1:
                one, other = named.values()
                wrong = np.flatnonzero(one != other)
                if len(wrong):
                    raise DataError(
                        f"row {wrong[0]} is {one[wrong[0]]} in {file}, {other[wrong[0]]} in the labels",
                        "bring the rows of both files into one order: label n belongs to mesh n",
                    )
                continue
            for what, rows in named.items():
                if rows.dtype.kind == "i" and (np.diff(rows) <= 0).any():
                    raise DataError(
                        f"frames of {what} are not in order, by their own numbers, and the other file "
                        "names none",
                        "sort the rows of both files by frame: label n belongs to mesh n",
                    )

    def digests(self) -> dict[str, str]:
        """sha256 of every file of vertices, by its name; by its path where two have one name."""
        names = [file.name for file in self.files]
        digests = {}
        for file in self.files:
            digests[file.name if names.count(file.name) == 1 else str(file)] = content_digest(file)
        return digests


def _require_frames(
    meshes: np.ndarray, joints: np.ndarray, file: Path, first: int, names: Sequence[str]
) -> None:
    """Refuse frames that would spoil a fit: no numbers, another unit, or labels of another place.

    Args:
        meshes: (n, V, 3).
        joints: (n, J, 3).
        file: of the meshes.
        first: number of the first mesh in its file.
        names: of the joints.
    """
    axes = np.ascontiguousarray(meshes.transpose(0, 2, 1))  # neighbours in memory: five times as fast
    low, high = axes.min(axis=2).astype(np.float64), axes.max(axis=2).astype(np.float64)
    broken = np.flatnonzero(~(np.isfinite(high) & np.isfinite(low)).all(axis=1))
    if len(broken):
        raise DataError(
            f"{file}: frame {first + broken[0]} has vertices that are NaN or infinite",
            "leave those frames out, of the labels also",
        )
    with np.errstate(over="ignore"):  # no body is as large: refused below
        extent = (high - low).max(axis=1)
    worst = int(((extent < BODY_M.low) | (extent > BODY_M.high)).argmax())
    BODY_M.require(
        float(extent[worst]),
        f"{file}: vertices of frame {first + worst} extend over {extent[worst]:.3g}",
        to_metres(float(extent[worst])),
    )
    with np.errstate(over="ignore"):  # a label so far away is refused below
        away = np.linalg.norm(joints - axes.mean(axis=2, dtype=np.float64)[:, None], axis=2)
    far = np.argwhere(away > REACH_M)
    if len(far):
        frame, joint = far[0]
        raise DataError(
            f"{file}: the label of {names[joint]} lies {away[frame, joint]:.3g} m from the middle of "
            f"mesh {first + frame}, expected under {REACH_M:g} m",
            "give both in metres, in one place and with the same axes; NaN for a label that is wrong",
        )
