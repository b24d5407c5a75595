"""The truth on disk: true bodies, masks and regressor. Only tests and `diagnose` may read it.

<truth>/J_true.npy                     (17, V), `H36M_17` order
<truth>/bodies/<subject>/<action>.npz  rotations (N, 24, 3, 3), betas (N, 10), translation (N, 3):
                                       camera frame, metres, float32; take, camera (text), frame
<truth>/masks/<subject>/<action>.npz   box (N, 4): left, top, width, height; start (N + 1,) and
                                       coverage: pixels of all boxes, share covered x 255, uint8;
                                       take, camera (text), frame (from 0)
<truth>/vertices/<subject>/<action>.npz  of free people, who have no betas: vertices (M, V, 3) of the
                                       open body, room frame, metres, float32; take (text), frame;
                                       t_pose (V, 3), the person in T-pose
<truth>/clothes/<subject>/thickness.json  of dressed people: part -> mean distance from the skin, metres;
                                       masks show the dressed person, bodies the one inside

Rows go by take, then camera, then frame, as in the prediction files. The rotations of free people are
their own; betas and translation are those of the body model's person nearest to them.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jointreg.errors import DataError
from jointreg.files.atomic import replacing
from jointreg.synthetic.layout import save_npz


def write_bodies(
    truth: Path,
    subject: str,
    action: str,
    rows: Mapping[str, np.ndarray],
    rotations: np.ndarray,
    betas: np.ndarray,
    translation: np.ndarray,
) -> None:
    """True bodies in the camera frame; arrays as the module describes."""
    save_npz(
        truth / "bodies" / subject / f"{action}.npz",
        rotations=rotations.astype(np.float32),
        betas=betas.astype(np.float32),
        translation=translation.astype(np.float32),
        **rows,
    )


def write_masks(
    truth: Path,
    subject: str,
    action: str,
    rows: Mapping[str, np.ndarray],
    boxes: Sequence[tuple[int, int, int, int]],
    coverages: Sequence[np.ndarray],
) -> None:
    """True masks of the full image, cut to their boxes."""
    start = np.concatenate([[0], np.cumsum([coverage.size for coverage in coverages])])
    save_npz(
        truth / "masks" / subject / f"{action}.npz",
        box=np.array(boxes, dtype=np.int32),
        start=start.astype(np.int64),
        coverage=np.concatenate([coverage.ravel() for coverage in coverages]),
        **rows,
    )


def write_clothes(truth: Path, subject: str, thickness_m: Mapping[str, float]) -> None:
    """What a dressed person wears: part -> mean distance from the skin, metres."""
    with replacing(truth / "clothes" / subject / "thickness.json") as temporary:
        temporary.write_text(json.dumps(thickness_m, indent=1), encoding="utf-8")


def write_vertices(
    truth: Path,
    subject: str,
    action: str,
    takes: Sequence[str],
    vertices: Sequence[np.ndarray],
    t_pose: np.ndarray,
) -> None:
    """True vertices of free people: for each take (N, V, 3), room frame, metres; T-pose (V, 3)."""
    save_npz(
        truth / "vertices" / subject / f"{action}.npz",
        vertices=np.concatenate(vertices).astype(np.float32),
        take=np.repeat(takes, [len(take) for take in vertices]),
        frame=np.concatenate([np.arange(len(take), dtype=np.int32) for take in vertices]),
        t_pose=t_pose.astype(np.float32),
    )


def read_vertices(truth: str | Path, subject: str, action: str) -> dict[str, np.ndarray] | None:
    """One sequence of a free person: vertices, take, frame, t_pose; None for people of the model."""
    path = Path(truth) / "vertices" / subject / f"{action}.npz"
    return _read(path) if path.is_file() else None


def read_bodies(truth: str | Path, subject: str, action: str) -> dict[str, np.ndarray]:
    """True bodies of one sequence: rotations, betas, translation, take, camera, frame.

    Raises:
        DataError: the file is missing.
    """
    return _read(Path(truth) / "bodies" / subject / f"{action}.npz")


class Masks:
    """True masks of one sequence, one image at a time."""

    def __init__(self, truth: str | Path, subject: str, action: str) -> None:
        """Open the file.

        Raises:
            DataError: the file is missing.
        """
        self._arrays = _read(Path(truth) / "masks" / subject / f"{action}.npz")
        self._row = {
            (str(take), str(camera), int(frame)): row
            for row, (take, camera, frame) in enumerate(
                zip(*(self._arrays[key] for key in ("take", "camera", "frame")), strict=True)
            )
        }

    def coverage(self, take: str, camera: str, frame: int, size: tuple[int, int]) -> np.ndarray:
        """Share of each pixel that the person covers x 255.

        Args:
            take: sub-action number as text.
            camera: its name.
            frame: number in the video, from 0.
            size: width and height of the image in pixels.

        Returns:
            (height, width) uint8, distorted image pixels.

        Raises:
            DataError: the truth has no such frame.
        """
        if (take, camera, frame) not in self._row:
            raise DataError(f"true masks have no frame {frame} of take {take}, camera {camera}")
        row = self._row[take, camera, frame]
        left, top, width, height = (int(v) for v in self._arrays["box"][row])
        start, stop = self._arrays["start"][row : row + 2]
        image = np.zeros((size[1], size[0]), dtype=np.uint8)
        image[top : top + height, left : left + width] = self._arrays["coverage"][start:stop].reshape(
            height, width
        )
        return image


def _read(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise DataError(
            f"{path} does not exist: the truth of the open data set",
            "rerun the rule synthesize; data that was not synthesized has no truth",
        )
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}
