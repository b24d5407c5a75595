"""What the frames of a fit determine: joints by fits that leave out a part of the frames, compared.

Neighbours in a film are alike, so a part is a run of frames. Parts that differ, in noise or in poses,
give joints that differ; the jackknife over parts gives their standard error. Source: Efron, The
Jackknife, the Bootstrap and Other Resampling Plans, 1982, here with runs of frames for single ones.
"""

from dataclasses import dataclass, field

import numpy as np

from jointreg.geometry.procrustes import fit_similarity
from jointreg.regressor.nnls import ALONE, solve_nnls

PARTS = 6
THIN = 5
"""The fits use every fifth candidate."""
SAMPLE = 200
"""Frames on which their joints are compared, about."""


@dataclass
class Parts:
    """Sums over the parts of the frames, of every `THIN`-th candidate; filled while a fit reads them."""

    frames: int
    """Of the whole fit."""
    read: int = 0
    sums: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    """Gram (J, T, T), upper triangles, cross (J, T) and labels (J,) up to the end of each part, m^2."""
    sample: list[np.ndarray] = field(default_factory=list)
    """Vertices of some frames, (J, n, 3, T), metres."""

    def sample_of(self, columns: list[np.ndarray]) -> None:
        """Keep a few meshes of a chunk.

        Args:
            columns: candidates of each joint, metres, (n, 3, C).
        """
        step = max(1, self.frames // SAMPLE)
        some = [column[-self.read % step :: step, :, ::THIN].astype(np.float32) for column in columns]
        self.sample.append(np.stack(some))

    def end_of_chunk(
        self, frames: int, gram: list[np.ndarray], cross: np.ndarray, count: np.ndarray
    ) -> None:
        """Note the sums at the end of a part.

        Args:
            frames: of the chunk.
            gram: sums so far, (C, C) each, upper triangles.
            cross: sums so far, (J, C).
            count: labels so far, (J,).
        """
        self.read += frames
        if self.read * PARTS >= self.frames * (len(self.sums) + 1):
            grams = np.stack([sums[::THIN, ::THIN] for sums in gram])
            self.sums.append((grams, cross[:, ::THIN].copy(), count.copy()))

    def standard_error(
        self,
        sum_weight: float,
        least_frames: int,
        reference: np.ndarray | None,
        partners: np.ndarray,
    ) -> np.ndarray:
        """Standard error of each joint along three axes of the body, metres, (J, 3).

        NaN where a fit would have too few labels. The axes are those of `reference`, from which every
        frame's mesh near the joint is turned.

        Args:
            sum_weight: as of the fit, m^2.
            least_frames: labels that a joint needs.
            reference: candidates in a pose whose axes are meant, (J, T, 3); None for the first frame.
            partners: joint whose frames each joint is fitted to as well, (J,); its own row for none.
        """
        sample = np.concatenate(self.sample, axis=1).astype(np.float64)
        ends = [np.stack(each) for each in zip(*self.sums, strict=True)]
        grams, crosses, counts = (
            each[-1] - np.diff(each, axis=0, prepend=0 * each[:1]) for each in ends
        )
        if (partners != np.arange(len(partners))).any():
            grams, crosses, counts = (each + each[:, partners] for each in (grams, crosses, counts))
        errors = np.full((sample.shape[0], 3), np.nan)
        for joint, meshes in enumerate(sample):
            if len(counts) < 2 or counts[:, joint].min() < least_frames:
                continue
            rows: list[np.ndarray] = []
            for gram, cross, count in zip(
                grams[:, joint], crosses[:, joint], counts[:, joint], strict=True
            ):
                whole = np.triu(gram) + np.triu(gram, 1).T
                rows.append(solve_nnls([(ALONE, whole)], cross[None], sum_weight * count)[0])
            away = np.stack(rows) - np.mean(rows, axis=0)
            moved = np.einsum("bt,nct->bnc", away, meshes)
            upright = meshes[0].T if reference is None else reference[joint]
            target = meshes.transpose(0, 2, 1)
            turned = fit_similarity(np.broadcast_to(upright, target.shape), target).rotation
            moved = np.einsum("bnc,nca->bna", moved, turned)
            variance = (len(rows) - 1) / len(rows) * np.square(moved).mean(axis=1).sum(axis=0)
            errors[joint] = np.sqrt(variance)
        return errors
