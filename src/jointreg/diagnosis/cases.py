"""Cases: the files of a run beside the truth of the open data set, row by row."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jointreg import stores
from jointreg.body.model import Body
from jointreg.diagnosis.true_bodies import FRAMES_READ, TrueBodies, read_cameras, row_keys, true_bodies
from jointreg.errors import DataError
from jointreg.frames.crops import sampler
from jointreg.geometry.camera import Camera
from jointreg.progress import progress
from jointreg.stores.schema import Record, require_same_rows
from jointreg.synthetic import truth as truth_files
from jointreg.threads import one_opencv_thread

Paths = Iterable[str | Path]


@dataclass(frozen=True)
class Case:
    """One subject and action: results of the pipeline and the truth, for the same frames."""

    split: str
    """`train` or `test`."""
    frames: Mapping[str, np.ndarray]
    """joints_cam (N, 17, 3), crop_intrinsics (N, 3, 3) and take (N,), as `stores.FRAMES`."""
    truth: TrueBodies
    """The true bodies, camera frame."""
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
        cameras = read_cameras(calibration, subject)
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
            truth=true_bodies(truth, subject, action, rows, cameras),
            masks=mask,
            mask_method="-" if mask is None else str(mask.attrs["method"]),
            true_masks=None if mask is None else true_masks(truth, subject, action, rows, cameras),
            estimates=bodies[0],
            refined=bodies[1],
        )


def write_true_meshes(
    body: Body,
    truth: str | Path,
    calibration: str | Path,
    frames: Paths,
    outputs: Paths,
    provenance: Mapping[str, Any],
) -> None:
    """Write the true meshes of some sequences as stores VERTICES, with the rows of their frames.

    Args:
        body: the body model.
        truth: folder of the truth.
        calibration: metadata.xml of the open data set.
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
        bodies = true_bodies(truth, subject, action, rows, read_cameras(calibration, subject))
        facts = {"rows": rows.attrs["rows"], "method": "true"}
        meshes = {"vertices": bodies.vertices(body).astype(np.float32)}
        stores.VERTICES.write(output, meshes, attrs=facts, provenance=provenance)


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
    for (take, name, frame), crop_k in zip(row_keys(frames), frames["crop_intrinsics"], strict=True):
        camera = cameras[name]
        image = images.coverage(take, name, frame, camera.size)
        crops.append(sampler(camera, crop_k)(image))
    return np.stack(crops)


def _by_sequence(paths: Paths) -> dict[str, dict[str, Path]]:
    """`<subject>/<action>` -> folder above the subject -> file."""
    files: dict[str, dict[str, Path]] = {}
    for path in map(Path, paths):
        sequence = f"{path.parent.name}/{path.name.removesuffix('.zarr.zip')}"
        files.setdefault(sequence, {})[path.parent.parent.name] = path
    return files
