"""Initial bodies: delivered prediction files matched to the frames of a sequence, or a fit to labels.

A prediction file is an npz with one row a video frame and camera: rotations (N, 24, 3, 3), betas
(N, B) and translation (N, 3) in metres, all in the camera frame, and take, camera (names) and frame
(number of the take, from 0: the video's own number where cameras are synchronous, as in Human3.6M),
which say what a row belongs to.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jointreg.body import Body
from jointreg.config import Estimate
from jointreg.errors import DataError
from jointreg.keypoints import fit_keypoints
from jointreg.stores import Record

KEYS = ("rotations", "betas", "translation", "take", "camera", "frame")


def estimate(
    kind: str, which: Mapping[str, str], frames: Record, body: Body, settings: Estimate
) -> dict[str, np.ndarray]:
    """Bodies of one method, one for every row of `frames`.

    Args:
        kind: `predictions` reads <settings.predictions>/<method>/<subject>/<action>.npz, `keypoints`
            fits the body to the labels.
        which: method, subject and action.
        frames: store FRAMES.
        body: the body model.
        settings: the block `estimate`.

    Raises:
        DataError: the file is missing, damaged, or lacks a frame; no default stands in for a frame.
    """
    if kind == "keypoints":
        return fit_keypoints(body, frames.joints_cam, settings)._asdict()
    path = Path(settings.predictions, which["method"], which["subject"], f"{which['action']}.npz")
    return match_predictions(read_predictions(path, body), frames, str(path))


def read_arrays(path: Path, what: str, page: str) -> dict[str, np.ndarray]:
    """All arrays of an npz, unpickling nothing. Errors name `what` it is and the `page` of its format.

    Raises:
        DataError: missing, truncated, or not plain arrays.
    """
    if not path.is_file():
        raise DataError(f"{what} file {path} does not exist", f"see {page} for the format")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except Exception as error:
        raise DataError(f"{path} is not a readable npz of plain arrays: {error}") from error


def read_predictions(path: str | Path, body: Body) -> dict[str, np.ndarray]:
    """Read and check a prediction file.

    Raises:
        DataError: missing, truncated, or arrays of other shapes than the body needs.
    """
    path = Path(path)
    arrays = read_arrays(path, "prediction", "docs/methods.md")
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise DataError(f"{path} lacks {missing}; a prediction file has {list(KEYS)}")
    count = len(arrays["frame"])
    shapes = {
        "rotations": (count, len(body.parents), 3, 3),
        "betas": (count, body.n_betas),
        "translation": (count, 3),
        "take": (count,),
        "camera": (count,),
    }
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            raise DataError(f"{path}: {key} has shape {arrays[key].shape}, expected {shape}")
    product = np.einsum("nkab,nkcb->nkac", arrays["rotations"], arrays["rotations"])
    off = np.abs(product - np.eye(3)).max(axis=(1, 2, 3))
    with np.errstate(invalid="ignore"):  # NaN is found by the comparison below
        proper = np.linalg.det(arrays["rotations"]).min(axis=1) > 0
    wrong = np.flatnonzero(~((off <= 1e-3) & proper))
    if len(wrong):
        raise DataError(
            f"{path}: rotations of row {wrong[0]} are no rotations (NaN, not orthonormal, or mirrored); "
            f"{len(wrong)} of {count} rows",
            "rotations are 3x3 matrices; convert axis-angle or 6D first",
        )
    return arrays


def match_predictions(
    arrays: dict[str, np.ndarray], frames: Record, where: str
) -> dict[str, np.ndarray]:
    """Rows of `arrays` in the order of the frames.

    Raises:
        DataError: a frame has no prediction, or several.
    """
    position: dict[tuple[str, str, int], int] = {}
    for row, key in enumerate(zip(arrays["take"], arrays["camera"], arrays["frame"], strict=True)):
        identity = (str(key[0]), str(key[1]), int(key[2]))
        if identity in position:
            raise DataError(f"{where}: take {key[0]}, camera {key[1]}, frame {key[2]} stands twice")
        position[identity] = row
    takes, cameras = frames.attrs["take_names"], frames.attrs["camera_names"]
    chosen = []
    for take, camera, frame in zip(frames.take, frames.camera, frames.frame, strict=True):
        identity = (takes[take], cameras[camera], int(frame))
        if identity not in position:
            raise DataError(
                f"{where}: no prediction for take {identity[0]}, camera {identity[1]}, frame {frame} "
                f"({len(position)} rows in the file, {len(frames.frame)} frames wanted)",
                "run the method on every frame that `prepare` keeps (prepare.frame_step)",
            )
        chosen.append(position[identity])
    return {key: arrays[key][chosen] for key in ("rotations", "betas", "translation")}
