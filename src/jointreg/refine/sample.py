"""A seeded sample of training frames, drawn across sequences."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jointreg import stores
from jointreg.errors import DataError
from jointreg.refine.parameters import Views


@dataclass(frozen=True)
class Sample:
    """What refinement needs of N frames; the order is that of sequences, then rows."""

    bodies: dict[str, np.ndarray]
    """Initial bodies: rotations (N, 24, 3, 3), betas (N, B), translation (N, 3)."""
    joints_cam: np.ndarray
    """Labels, camera frame, metres, (N, 17, 3)."""
    masks: np.ndarray
    """(N, 224, 224) uint8."""
    scores: np.ndarray
    """(N,)."""
    intrinsics: np.ndarray
    """Pinhole K of the crops, (N, 3, 3)."""
    views: Views | None = None
    """Moments and cameras of the frames; None for frames drawn from many sequences."""

    def arguments(self) -> dict[str, object]:
        """The sample as keyword arguments of the functions in `jointreg.refine`."""
        return {name: value for name, value in vars(self).items() if value is not None}


def load_frames(
    frames: str | Path, masks: str | Path, bodies: str | Path, rows: np.ndarray | None = None
) -> Sample:
    """Read what refinement needs of one sequence; `rows` picks frames, None takes all.

    Raises:
        StoreError: the three stores are not of the same frames.
    """
    frame_store = stores.FRAMES.read(
        frames, only=["joints_cam", "crop_intrinsics", "take", "camera", "frame"]
    )
    mask_store, body_store = stores.MASKS.read(masks), stores.BODIES.read(bodies)
    stores.require_same_rows(frame_store, mask_store, f"{frames}, {masks}")
    stores.require_same_rows(frame_store, body_store, f"{frames}, {bodies}")
    chosen = slice(None) if rows is None else rows
    return Sample(
        bodies={key: value[chosen] for key, value in body_store.items()},
        joints_cam=frame_store.joints_cam[chosen],
        masks=mask_store.masks[chosen],
        scores=mask_store.score[chosen],
        intrinsics=frame_store.crop_intrinsics[chosen],
        views=_views(frame_store, chosen),
    )


def draw_sample(
    frames: Sequence[str],
    masks: Sequence[str],
    bodies: Sequence[str],
    count: int,
    generator: np.random.Generator,
) -> Sample:
    """Draw `count` frames with a person in them, uniformly over all sequences, without repeats.

    All frames are taken where there are fewer. Memory: the sample and one sequence.

    Raises:
        DataError: no frame of any sequence has a person mask.
    """
    seen = [np.flatnonzero(stores.MASKS.read(path, only=["score"]).score > 0) for path in masks]
    owner = np.concatenate([np.full(len(rows), index) for index, rows in enumerate(seen)])
    if not len(owner):
        raise DataError(f"no person mask in any of {len(masks)} sequences", "see the rule segment")
    chosen = np.sort(generator.permutation(len(owner))[:count])
    row = np.concatenate(seen)[chosen]
    parts = [
        load_frames(frames[index], masks[index], bodies[index], row[owner[chosen] == index])
        for index in np.unique(owner[chosen])
    ]
    joined = {
        key: np.concatenate([getattr(part, key) for part in parts])
        for key in ("joints_cam", "masks", "scores", "intrinsics")
    }
    bodies_of = {key: np.concatenate([p.bodies[key] for p in parts]) for key in parts[0].bodies}
    return Sample(
        bodies_of, joined["joints_cam"], joined["masks"], joined["scores"], joined["intrinsics"]
    )


def _views(frames: stores.Record, rows: np.ndarray | slice) -> Views:
    """Moments, numbered, and the cameras of some rows."""
    moments = np.stack([frames.take, frames.frame], axis=1)
    _, moment = np.unique(moments, axis=0, return_inverse=True)
    cameras = frames.attrs["cameras"]
    known = [cameras[name] for name in frames.attrs["camera_names"]]
    rotation = np.array([camera["rotation"] for camera in known])
    translation = np.array([camera["translation"] for camera in known])
    return Views(moment[rows], rotation[frames.camera[rows]], translation[frames.camera[rows]])
