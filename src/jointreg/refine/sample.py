"""A sample of frames, which every function of the refinement takes; read from stores or drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jointreg import stores
from jointreg.errors import DataError
from jointreg.refine.parameters import Views


@dataclass(frozen=True)
class Sample:
    """The initial bodies of N frames, and the labels and masks that they are refined to."""

    bodies: Mapping[str, np.ndarray]
    """Initial bodies: `rotations` (N, 24, 3, 3) and `betas` (N, B). A `translation` (N, 3), metres, is
    used with `optimize.start: refined` only: else the labels give a new one (`start_translation`)."""
    joints_cam: np.ndarray
    """Labels, camera frame, metres, (N, J, 3)."""
    masks: np.ndarray
    """Person probability x 255, (N, H, W) uint8."""
    intrinsics: np.ndarray
    """Pinhole K of the pictures that the masks belong to, pixels, (N, 3, 3)."""
    scores: np.ndarray | None = None
    """Confidence of each mask, (N,). Frames with 0 have no silhouette term. None: all have one."""
    views: Views | None = None
    """Moments and cameras of the frames. None for frames drawn from many sequences."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.joints_cam)

    def part(self, rows: np.ndarray | slice) -> "Sample":
        """The sample of some of the frames, in the order of `rows`."""
        return Sample(
            {name: value[rows] for name, value in self.bodies.items()},
            self.joints_cam[rows],
            self.masks[rows],
            self.intrinsics[rows],
            None if self.scores is None else self.scores[rows],
            None if self.views is None else self.views.part(rows),
        )

    @classmethod
    def joined(cls, parts: Sequence["Sample"]) -> "Sample":
        """The frames of several sequences, with a score each; and views if all have them."""

        def concatenated(name: str) -> np.ndarray:
            return np.concatenate([getattr(part, name) for part in parts])

        views = [part.views for part in parts if part.views is not None]
        scores = [np.ones(len(part)) if part.scores is None else part.scores for part in parts]
        return cls(
            {name: np.concatenate([part.bodies[name] for part in parts]) for name in parts[0].bodies},
            concatenated("joints_cam"),
            concatenated("masks"),
            concatenated("intrinsics"),
            np.concatenate(scores),
            Views.joined(views) if len(views) == len(parts) else None,
        )


def load_sample(
    frames: str | Path, masks: str | Path, bodies: str | Path, rows: np.ndarray | None = None
) -> Sample:
    """Read the frames of one sequence; `rows` picks some of them, None takes all.

    Args:
        frames, masks, bodies: stores of the sequence: `stores.FRAMES`, `stores.MASKS`, `stores.BODIES`.
        rows: (N,) integers.

    Raises:
        StoreError: the three stores are not of the same frames.
    """
    frame_store = stores.FRAMES.read(
        frames, only=["joints_cam", "crop_intrinsics", "take", "camera", "frame"]
    )
    mask_store, body_store = stores.MASKS.read(masks), stores.BODIES.read(bodies)
    stores.require_same_rows(frame_store, mask_store, f"{frames}, {masks}")
    stores.require_same_rows(frame_store, body_store, f"{frames}, {bodies}")
    sample = Sample(
        dict(body_store),
        frame_store.joints_cam,
        mask_store.masks,
        frame_store.crop_intrinsics,
        mask_store.score,
        _views(frame_store),
    )
    return sample if rows is None else sample.part(rows)


def draw_sample(
    frames: Sequence[str],
    masks: Sequence[str],
    bodies: Sequence[str],
    count: int,
    generator: np.random.Generator,
) -> Sample:
    """Draw `count` frames with a person in them, uniformly over all sequences, without repeats.

    Where there are fewer, all are taken. The order is that of sequences, then rows. Memory: the sample
    and one sequence.

    Args:
        frames, masks, bodies: stores of the sequences, one each, in the same order.
        count: of frames.
        generator: decides the draw.

    Raises:
        DataError: no frame of any sequence has a person mask.
        StoreError: the three stores of a sequence are not of the same frames.
    """
    masked = [np.flatnonzero(stores.MASKS.read(path, only=["score"]).score > 0) for path in masks]
    owner = np.concatenate([np.full(len(rows), index) for index, rows in enumerate(masked)])
    if not len(owner):
        raise DataError(
            f"no person mask in any of {len(masks)} sequences",
            "look at the logs of segment: its method finds nobody in these videos",
        )
    chosen = np.sort(generator.permutation(len(owner))[:count])
    row = np.concatenate(masked)[chosen]
    return Sample.joined(
        [
            replace(
                load_sample(frames[index], masks[index], bodies[index], row[owner[chosen] == index]),
                views=None,
            )
            for index in np.unique(owner[chosen])
        ]
    )


def _views(frames: stores.Record) -> Views:
    """Moments, numbered, and the cameras of all rows."""
    moments = np.stack([frames.take, frames.frame], axis=1)
    _, moment = np.unique(moments, axis=0, return_inverse=True)
    cameras = [frames.attrs["cameras"][name] for name in frames.attrs["camera_names"]]
    rotation = np.array([camera["rotation"] for camera in cameras])
    translation = np.array([camera["translation"] for camera in cameras])
    return Views(moment, rotation[frames.camera], translation[frames.camera])
