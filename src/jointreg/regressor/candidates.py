"""Which vertices each row of a regressor may use, by the options of the fit."""

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import H36M, JointSet
from jointreg.config.settings import FitRegressor
from jointreg.errors import DataError
from jointreg.exchange.placement import expected_joints
from jointreg.exchange.regressor_files import load_fitted

MIRRORED_ROWS = np.array(H36M.mirror)
"""Row of Human3.6M's joint on the other side of the body; a middle joint's own."""


def allowed_vertices(body: Body, settings: FitRegressor, joint_set: JointSet = H36M) -> np.ndarray:
    """Vertices that pass every filter that is set, (J, V) bool.

    Raises:
        DataError: no vertex is left for a joint, or the body lacks what a filter needs.
    """
    allowed = np.ones((len(joint_set.joints), body.n_vertices), dtype=bool)
    if settings.candidates_m > 0:
        places = expected_joints(body, joint_set)
        if places is None:
            raise DataError(
                "candidates_m needs a body with SMPL's skeleton, which gives the places of the joints",
                "set candidates_m: 0",
            )
        distances = np.linalg.norm(body.template[None] - places[:, None], axis=-1)
        allowed &= distances <= settings.candidates_m
    if settings.support:
        allowed &= load_fitted(settings.support, body).weights > 0
    if settings.symmetric:
        other = mirrored(
            allowed, mirror_of(body, np.arange(body.n_vertices)), np.array(joint_set.mirror)
        )
        allowed &= other
    empty = [name for name, row in zip(joint_set.joints, allowed, strict=True) if not row.any()]
    if empty:
        raise DataError(
            f"no vertex is left for {', '.join(empty)} (candidates_m {settings.candidates_m:g} m, "
            f"support '{settings.support}', symmetric {settings.symmetric})",
            "raise candidates_m, or switch one of the filters off",
        )
    return allowed


def thinned(body: Body, allowed: np.ndarray, most: int, settings: FitRegressor) -> np.ndarray:
    """Every n-th vertex that some row may use, at most `most` of them, as sorted indices.

    With `symmetric` the vertices on the other side are added.
    """
    used = np.flatnonzero(allowed.any(axis=0))
    chosen = used[:: -(-len(used) // most)]
    if settings.symmetric and body.mirror is not None:
        chosen = np.union1d(chosen, body.mirror[chosen])
    return chosen


def mirrored(values: np.ndarray, mirror: np.ndarray, sides: np.ndarray = MIRRORED_ROWS) -> np.ndarray:
    """Weights of the mirrored regressor, (J, V): rows, by `sides` (J,), and vertices change sides."""
    return values[sides][:, mirror]


def mirror_of(body: Body, vertices: np.ndarray) -> np.ndarray:
    """The mirror map of a part of the mesh: for each vertex the position of its counterpart, (n,).

    Args:
        body: the body model.
        vertices: sorted indices, (n,), the counterpart of each among them.

    Raises:
        DataError: the body has no map, or the map is not its own inverse.
    """
    if body.mirror is None or not np.array_equal(body.mirror[body.mirror], np.arange(body.n_vertices)):
        raise DataError(
            "symmetric needs a body file with `mirror`: for each vertex the one on the other side (V,)",
            "set symmetric: false",
        )
    return np.searchsorted(vertices, body.mirror[vertices])
