"""Cases: the files of a run beside the truth of the open data set, row by row."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jointreg import stores
from jointreg.datasets.human36m.metadata import read_metadata
from jointreg.errors import DataError
from jointreg.frames.crops import sampler
from jointreg.geometry.camera import Camera
from jointreg.progress import progress
from jointreg.stores.schema import Record, require_same_rows
from jointreg.synthetic import truth as truth_files
from jointreg.synthetic.layout import subject_number
from jointreg.threads import one_opencv_thread

FRAMES_READ = ["joints_cam", "crop_intrinsics", "take", "camera", "frame"]

Paths = Iterable[str | Path]


@dataclass(frozen=True)
class Case:
    """One subject and action: results of the pipeline and the truth, for the same frames."""

    split: str
    """`train` or `test`."""
    frames: Mapping[str, np.ndarray]
    """joints_cam (N, 17, 3), crop_intrinsics (N, 3, 3) and take (N,), as `stores.FRAMES`."""
    truth: Mapping[str, np.ndarray]
    """The true bodies, camera frame, as `stores.BODIES`."""
    masks: Mapping[str, np.ndarray] | None
    """As `stores.MASKS`; None where nothing was segmented."""
    mask_method: str
    """Segmentation method of the masks; `-` without masks."""
    true_masks: np.ndarray | None
    """True coverage of the crops, (N, S, S) uint8, share x 255; None without masks."""
    estimates: Mapping[str, Mapping[str, np.ndarray]]
    """Method -> its bodies, as `stores.BODIES`."""
    refined: Mapping[str, Mapping[str, np.ndarray]]
    """Variant -> refined bodies of the initial method; empty where nothing was refined."""


def load_cases(
    splits: Mapping[str, str],
    truth: str | Path,
    calibration: str | Path,
    *,
    frames: Paths,
    masks: Paths,
    estimates: Paths,
    refined: Paths,
) -> Iterator[Case]:
    """Yield one case after the other, so that memory holds one subject and action at a time.

    The end of a path is `<subject>/<action>.zarr.zip`. The folder above the subject is named after the
    method (`estimates`) or the variant (`refined`).

    Args:
        splits: `<subject>/<action>` -> `train` or `test`, in the order of the result.
        truth: folder of the truth.
        calibration: metadata.xml of the open data set.
        frames: stores FRAMES of all sequences.
        masks: stores MASKS of all or some sequences.
        estimates: stores BODIES of the methods. Sequences in `refined` need those of the initial method.
        refined: stores BODIES of the variants.

    Raises:
        DataError: the truth or the frames of a sequence are missing.
        StoreError: two stores of a sequence have different rows.
    """
    all_cameras = read_metadata(calibration).cameras
    by_sequence = [_by_sequence(paths) for paths in (frames, masks, estimates, refined)]
    for sequence, split in progress(splits.items(), "sequences"):
        subject, action = sequence.split("/")
        frame_files, mask_files, estimate_files, refined_files = (
            files.get(sequence, {}) for files in by_sequence
        )
        if len(frame_files) != 1:
            raise DataError(
                f"diagnose: {len(frame_files)} frame stores of {sequence}, expected 1",
                "rerun the rule prepare",
            )
        (path,) = frame_files.values()
        rows = stores.FRAMES.read(path, only=FRAMES_READ)
        number = subject_number(subject)
        cameras = {camera.name: camera for (owner, _), camera in all_cameras.items() if owner == number}
        mask = next((stores.MASKS.read(file) for file in mask_files.values()), None)
        bodies = [
            {name: stores.BODIES.read(file) for name, file in sorted(files.items())}
            for files in (estimate_files, refined_files)
        ]
        for record in [mask, *bodies[0].values(), *bodies[1].values()]:
            if record is not None:
                require_same_rows(rows, record, f"diagnose, {sequence}: frames and another store")
        yield Case(
            split=split,
            frames=rows,
            truth=true_bodies(truth, subject, action, rows),
            masks=mask,
            mask_method="-" if mask is None else str(mask.attrs["method"]),
            true_masks=None if mask is None else true_masks(truth, subject, action, rows, cameras),
            estimates=bodies[0],
            refined=bodies[1],
        )


def true_bodies(truth: str | Path, subject: str, action: str, frames: Record) -> dict[str, np.ndarray]:
    """The true body of every row of a store FRAMES, matched by take, camera and frame.

    Returns:
        rotations (N, 24, 3, 3), betas (N, B), translation (N, 3) metres, camera frame.

    Raises:
        DataError: the truth has no body for a row.
    """
    bodies = truth_files.read_bodies(truth, subject, action)
    keys = zip(*(bodies[key] for key in ("take", "camera", "frame")), strict=True)
    row = {(str(take), str(camera), int(frame)): n for n, (take, camera, frame) in enumerate(keys)}
    try:
        chosen = np.array([row[key] for key in _keys(frames)], dtype=np.intp)
    except KeyError as error:
        raise DataError(
            f"the truth of {subject} {action} has no body for take, camera, frame {error.args[0]}",
            "rerun the rule synthesize",
        ) from error
    return {key: bodies[key][chosen] for key in ("rotations", "betas", "translation")}


def write_true_bodies(
    truth: str | Path, frames: Paths, outputs: Paths, provenance: Mapping[str, Any]
) -> None:
    """Write the true bodies of some sequences as stores BODIES, with the rows of their frames.

    Args:
        truth: folder of the truth.
        frames: stores FRAMES of these sequences, and possibly of others.
        outputs: stores to write, `.../<subject>/<action>.zarr.zip`.
        provenance: record of the job for the stores.

    Raises:
        DataError: the truth has no body for a row.
    """
    frames_of = _by_sequence(frames)
    for sequence, files in _by_sequence(outputs).items():
        (source,), (output,) = frames_of[sequence].values(), files.values()
        rows = stores.FRAMES.read(source, only=FRAMES_READ)
        subject, action = sequence.split("/")
        bodies = true_bodies(truth, subject, action, rows)
        facts = {"rows": rows.attrs["rows"], "method": "true"}
        stores.BODIES.write(output, bodies, attrs=facts, provenance=provenance)


@one_opencv_thread()
def true_masks(
    truth: str | Path, subject: str, action: str, frames: Record, cameras: Mapping[str, Camera]
) -> np.ndarray:
    """The true mask of every row of a store FRAMES, resampled like the crops.

    Returns:
        (N, 224, 224) uint8: share of each crop pixel that the person covers, x 255.
    """
    images = truth_files.Masks(truth, subject, action)
    crops = []
    for (take, name, frame), crop_k in zip(_keys(frames), frames["crop_intrinsics"], strict=True):
        camera = cameras[name]
        image = images.coverage(take, name, frame, camera.size)
        crops.append(sampler(camera, crop_k)(image))
    return np.stack(crops)


def _keys(frames: Record) -> list[tuple[str, str, int]]:
    """Take, camera and frame number of every row, by name."""
    takes, cameras = frames.attrs["take_names"], frames.attrs["camera_names"]
    index = zip(frames["take"], frames["camera"], frames["frame"], strict=True)
    return [(str(takes[take]), str(cameras[camera]), int(frame)) for take, camera, frame in index]


def _by_sequence(paths: Paths) -> dict[str, dict[str, Path]]:
    """`<subject>/<action>` -> folder above the subject -> file."""
    files: dict[str, dict[str, Path]] = {}
    for path in map(Path, paths):
        sequence = f"{path.parent.name}/{path.name.removesuffix('.zarr.zip')}"
        files.setdefault(sequence, {})[path.parent.parent.name] = path
    return files
