"""Refinement for callers who have arrays and no `Sample`: thin wrappers, for notebooks and scripts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jointreg.body.model import Body
from jointreg.refine.energies import balance_energies
from jointreg.refine.loop import refine_sample
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.parameters import Views
from jointreg.refine.result import Refined
from jointreg.refine.sample import Sample


def refine(
    body: Body,
    bodies: Mapping[str, np.ndarray],
    joints_cam: np.ndarray,
    masks: np.ndarray,
    intrinsics: np.ndarray,
    regressor: np.ndarray,
    *,
    scores: np.ndarray | None = None,
    views: Views | None = None,
    **options: Any,
) -> Refined:
    """`refine_sample` of these arrays.

    Args:
        body: the body model.
        bodies, joints_cam, masks, intrinsics, scores, views: the fields of `Sample`.
        regressor: reads the joints in E_joint, (J, V).
        options: `settings`, `weights` and the other keyword arguments of `refine_sample`.
    """
    sample = Sample(bodies, joints_cam, masks, intrinsics, scores, views)
    return refine_sample(body, sample, regressor, **options)


def energy_weights(
    body: Body,
    bodies: Mapping[str, np.ndarray],
    joints_cam: np.ndarray,
    masks: np.ndarray,
    intrinsics: np.ndarray,
    regressor: np.ndarray,
    *,
    scores: np.ndarray | None = None,
    batch: int = 64,
) -> EnergyWeights:
    """`jointreg.refine.energies.balance_energies` of these arrays. Arguments as for `refine`."""
    sample = Sample(bodies, joints_cam, masks, intrinsics, scores)
    return balance_energies(body, sample, regressor, batch=batch)
