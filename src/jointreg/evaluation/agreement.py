"""Agreement of bodies with masks and labels: rendered coverage against masks, joints against labels.

No truth is needed, so it works on real recordings. A body that agrees with them need not be correct.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from jointreg.body.joints import regressed_joints
from jointreg.body.model import Body
from jointreg.errors import ShapeError
from jointreg.exchange.regressor import Regressor
from jointreg.geometry.camera import project_pinhole
from jointreg.silhouette.meshes import rendered
from jointreg.stores.schema import Record, require_same_rows

COLUMNS = ("bodies", "camera", "quantity", "value", "unit", "frames")
"""Columns of `agreement_rows`."""
UNITS = {"rendered_iou": "1", "reprojection": "px", "joint_distance": "mm"}
"""Quantity -> unit: overlap with the mask, distance from the labels in the crop and in space."""


def mask_iou(coverage: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Intersection over union at one half, coverage (N, H, W) 0..1 and masks uint8 -> (N,).

    NaN where both are empty.

    Raises:
        ShapeError: the arrays differ in shape.
    """
    if coverage.shape != masks.shape:
        raise ShapeError(f"coverage has shape {coverage.shape}, masks {masks.shape}, expected the same")
    covered, person = coverage >= 0.5, masks >= 128
    both = (covered & person).sum(axis=(1, 2))
    either = (covered | person).sum(axis=(1, 2))
    return np.where(either > 0, both / np.maximum(either, 1), np.nan)


def reprojection_error(
    joints_cam: np.ndarray, labels_px: np.ndarray, crop_intrinsics: np.ndarray
) -> np.ndarray:
    """Distance of projected joints (N, J, 3) metres from labels (N, J, 2) pixels of the crop, (N, J)."""
    return np.linalg.norm(project_pinhole(joints_cam, crop_intrinsics) - labels_px, axis=-1)


def frame_agreement(
    body: Body,
    bodies: Mapping[str, np.ndarray],
    frames: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray],
    regressor: Regressor,
) -> dict[str, np.ndarray]:
    """Agreement of each body with its frame.

    Args:
        body: the body model.
        bodies: as `stores.BODIES`.
        frames: as `stores.FRAMES`, the same rows.
        masks: as `stores.MASKS`, the same rows.
        regressor: gives the joints of the bodies.

    Returns:
        For each key of `UNITS` one value a frame, (N,). rendered_iou is NaN where there is no mask.
    """
    iou = mask_iou(rendered(body, bodies, frames["crop_intrinsics"]), masks["masks"])
    weights = {"joints": regressor.weights}
    pose = bodies["rotations"], bodies["betas"]
    joints = regressed_joints(body, *pose, weights, bodies["translation"])[0]
    pixels = reprojection_error(joints, frames["joints_px"], frames["crop_intrinsics"])
    distance = np.linalg.norm(joints - frames["joints_cam"], axis=-1)
    return {
        "rendered_iou": np.where(np.asarray(masks["score"]) > 0, iou, np.nan),
        "reprojection": pixels.mean(axis=1),
        "joint_distance": 1000 * distance.mean(axis=1),
    }


def agreement_rows(
    body: Body,
    sequences: Iterable[tuple[Record, Record]],
    sets: Mapping[str, Iterable[Record]],
    regressor: Regressor,
) -> list[dict[str, Any]]:
    """Means over all sequences for each set of bodies: over all cameras, and for each camera.

    Args:
        body: the body model.
        sequences: stores FRAMES and MASKS of each sequence.
        sets: name -> stores BODIES in the order of the sequences, for example "initial", "full".
        regressor: gives the joints of the bodies.

    Returns:
        Rows with the keys `COLUMNS`.
    """
    collected: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for (frames, masks), *bodies in zip(sequences, *sets.values(), strict=True):
        require_same_rows(frames, masks, "agreement: frames and masks")
        names = np.array(frames.attrs["camera_names"])[frames["camera"]]
        for name, store in zip(sets, bodies, strict=True):
            require_same_rows(frames, store, f"agreement: frames and {name}")
            for quantity, values in frame_agreement(body, store, frames, masks, regressor).items():
                for camera in ("all", *np.unique(names)):
                    chosen = values if camera == "all" else values[names == camera]
                    collected.setdefault((name, str(camera), quantity), []).append(chosen)
    table = []
    for (name, camera, quantity), parts in collected.items():
        values = np.concatenate(parts)
        values = values[np.isfinite(values)]
        mean = float(values.mean()) if len(values) else float("nan")
        row = (name, camera, quantity, mean, UNITS[quantity], len(values))
        table.append(dict(zip(COLUMNS, row, strict=True)))
    return table
