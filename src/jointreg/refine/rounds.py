"""Rounds of refinement and regressor: each should move less than the one before it.

A further round starts from bodies, label offsets and clothes that a regressor was fitted to, and refines
them with this regressor. Where masks and labels contradict each other, as with clothes that nothing
models, the regressor learns the wrong bodies, and the round moves them farther from the truth. No energy
shows this: it falls all the same. What shows it are the unknowns that run away.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from jointreg.refine.result import Refined

IMPROBABLE_SD = 2.0
"""A sum of squared betas is improbable so many standard deviations above its mean: 19 of ten betas."""
GROWTH = 1.2
"""Sum of squared betas over that of the start, above which it grows. Under 36 mm of clothes that no
shell stands for, sums of 13 to 22 grew by 1.4 to 1.7 in a second round, and J_opt's error from 14 to
16 mm."""
LARGEST_M = 0.06
"""Thickest clothes of a part, metres; masks of thicker ones do not show the body's shape."""
OFFSET_GROWTH = 1.5
"""Length of label offsets over that of the start, root mean squares, above which they grow."""
OFFSET_M = 0.015
"""Smaller label offsets do not count, metres: of few subjects a start has almost none."""


def runs_away(start: Refined, end: Refined) -> str:
    """The unknown by which a round moves away from the truth, in words; empty if none does.

    Args:
        start: refined bodies, offsets and clothes that the round started from.
        end: those that it ended with.
    """
    before, after = (_square(one.betas) for one in (start, end))
    count = start.betas.shape[1]
    if after > count + IMPROBABLE_SD * np.sqrt(2 * count) and after > GROWTH * before:
        return f"the sum of squared betas grows from {before:.1f} to {after:.1f}, expected {count}"
    if start.offsets is not None and end.offsets is not None:
        before, after = (_length(offsets) for offsets in (start.offsets, end.offsets))
        if after > max(OFFSET_GROWTH * before, OFFSET_M):
            return f"label offsets grow from {1e3 * before:.1f} to {1e3 * after:.1f} mm"
    if end.thickness is not None and end.thickness.max() > LARGEST_M:
        return f"clothes become {1e3 * end.thickness.max():.0f} mm thick, at most {1e3 * LARGEST_M:.0f}"
    return ""


def end_or_start(
    end: Refined,
    bodies: Mapping[str, np.ndarray],
    offsets: np.ndarray | None = None,
    thickness: np.ndarray | None = None,
) -> Refined:
    """The result of a further round; where it runs away, the start with the reason in `amplifies`.

    Args:
        end: the result.
        bodies: refined bodies that the round started from, arrays of `stores.BODIES`.
        offsets, thickness: the same of the fields of `Refined`.
    """
    start = Refined.of(
        bodies,
        end.iterations.tolist(),
        np.repeat(end.energies[:, :1], end.energies.shape[1], axis=1),
        offsets,
        thickness,
    )
    reason = runs_away(start, end)
    return replace(start, amplifies=reason) if reason else end


def _square(betas: np.ndarray) -> float:
    """Sum of the squared mean betas."""
    return float(np.square(betas.mean(axis=0)).sum())


def _length(offsets: np.ndarray) -> float:
    """Root mean square length of the offsets, metres."""
    return float(np.sqrt(np.square(offsets).sum(axis=1).mean()))
