"""Reader of Human3.6M as h36m-fetch leaves it: some frames of each recording, as pictures.

`S1/Directions-1/annot.h5` has one row for each extracted frame and camera. Frame 0 is the picture
`S1/Directions-1/imageSequence/54138969/img_000001.jpg`. The annotations lack extrinsics and lens
distortion, so cameras come from metadata.xml, as in the official layout. Labels are millimetres in the
files and metres here.
"""

from pathlib import Path
from typing import Any

import numpy as np

from jointreg.config.sequences import Work
from jointreg.datasets import pictures
from jointreg.datasets.human36m.files import Human36M, video_camera
from jointreg.datasets.human36m.tree import FETCH_AGAIN, FetchTree
from jointreg.datasets.recording import Recording, frame_window
from jointreg.errors import DataError
from jointreg.files.input import absence
from jointreg.skeleton import H36M_17_IN_32

LARGEST_BYTES = 2**30
"""Size that an array of annot.h5 may declare; the largest known one has 50 MB."""
MOST_FRAMES = 1_000_000
"""Largest frame number of a recording."""


class Human36MFetch(FetchTree, Human36M):
    """The data set as h36m-fetch processed it, under one root."""

    def _recording(self, sequence: Work, take: str, camera_name: str) -> Recording:
        """One take by one camera: labels of the extracted frames, NaN in between."""
        folder = self._folder(sequence.subject, sequence.action, take)
        camera = self._camera(sequence.subject, camera_name)
        frames, joints_cam, joints_px = read_annotations(folder / "annot.h5", camera_name)
        images = folder / "imageSequence" / camera_name
        if not images.is_dir():
            raise DataError(
                f"{images} {absence(images)}, expected pictures of {len(frames)} frames", FETCH_AGAIN
            )
        missing = sorted(set(frames.tolist()) - set(pictures.frames_in(images)))
        if missing:
            raise DataError(
                f"{images}: {len(missing)} of {len(frames)} labelled frames have no picture, first "
                f"{pictures.name(missing[0])}",
                FETCH_AGAIN,
            )
        count = int(frames[-1]) + 1
        return Recording(
            subject=sequence.subject,
            action=sequence.action,
            take=take,
            camera=video_camera(images, camera),
            video=images,
            joints_cam=_spread(joints_cam[:, H36M_17_IN_32] / 1000, frames, count),
            frames=frame_window(sequence.first_frame, sequence.last_frame, count),
            kept=frames,
            file=self._mapped(sequence.subject, sequence.action, take) or "",
            joints_image_px=_spread(joints_px[:, H36M_17_IN_32], frames, count),
        )


def read_annotations(path: Path, camera: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of one camera in annot.h5.

    Returns:
        Frame numbers from 0, ascending, (N,); joints in the camera's frame (N, 32, 3) mm; pixels
        (N, 32, 2).

    Raises:
        DataError: the file is not readable, an array is missing or malformed, or no row is of this
            camera.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            keys = ("pose/3d", "pose/2d", "camera", "frame")
            arrays = {key: _dataset(file, key, path) for key in keys}
    except DataError:
        raise
    except Exception as error:  # h5py raises errors of many kinds for damaged files
        raise DataError(
            f"{path}: not a readable HDF5 file, truncated or damaged ({error})", FETCH_AGAIN
        ) from error
    lengths = {key: len(values) for key, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"{path}: its arrays have different numbers of rows: {lengths}", FETCH_AGAIN)
    numbers = arrays["frame"]
    if arrays["camera"].ndim != 1 or numbers.ndim != 1 or (numbers != np.round(numbers)).any():
        raise DataError(f"{path}: camera and frame are not one whole number a row", FETCH_AGAIN)
    rows = np.flatnonzero(arrays["camera"] == int(camera))
    frames = numbers[rows].astype(np.int64) - 1
    joints_cam, joints_px = (arrays[key][rows] for key in ("pose/3d", "pose/2d"))
    if not len(rows):
        raise DataError(
            f"{path} has no rows of camera {camera}: h36m-fetch leaves out what it could not read",
            "add the recording to the table dataset.damaged, or its sequence with fewer cameras",
        )
    if joints_cam.shape[1:] != (32, 3) or joints_px.shape[1:] != (32, 2):
        raise DataError(
            f"{path}: pose/3d has shape {joints_cam.shape}, pose/2d {joints_px.shape}, expected "
            "(N, 32, 3) and (N, 32, 2)"
        )
    if not np.isfinite(joints_cam).all() or not np.isfinite(joints_px).all():
        raise DataError(f"{path}: labels of camera {camera} hold NaN, expected numbers throughout")
    order = np.argsort(frames, kind="stable")
    last = frames[order[-1]]
    if frames[order[0]] < 0 or last > MOST_FRAMES or (np.diff(frames[order]) == 0).any():
        raise DataError(f"{path}: frames of camera {camera} are not distinct numbers from 1")
    return frames[order], joints_cam[order].astype(np.float64), joints_px[order].astype(np.float64)


def _dataset(file: Any, key: str, path: Path) -> np.ndarray:
    """The numbers of a dataset of the file."""
    import h5py

    if key not in file or not isinstance(file[key], h5py.Dataset):
        scaled = "take a newer h36m-fetch: pose/3d-univ is a scaled skeleton"
        raise DataError(f"{path} lacks {key}", scaled if key == "pose/3d" else FETCH_AGAIN)
    dataset = file[key]
    if dataset.dtype.kind not in "fiu" or not dataset.ndim:
        raise DataError(
            f"{path}: {key} is {dataset.dtype} of shape {dataset.shape}, expected numbers", FETCH_AGAIN
        )
    if dataset.size * dataset.dtype.itemsize > LARGEST_BYTES:
        raise DataError(f"{path}: {key} has shape {dataset.shape}, more than any recording", FETCH_AGAIN)
    return np.asarray(dataset)


def _spread(values: np.ndarray, frames: np.ndarray, count: int) -> np.ndarray:
    """Rows at their frame numbers, NaN elsewhere, (count, ...)."""
    spread = np.full((count, *values.shape[1:]), np.nan)
    spread[frames] = values
    return spread
