"""Where the rows of a regressor land on a body's T-pose, and whether those are their joints' places.

A matrix file names neither its mesh nor the order of its rows. Both show on the T-pose. Rows for another
mesh of the same size pick vertices all over the body. Rows of another joint, or of the other leg, land
at that joint.
"""

import numpy as np

from jointreg.body.files import load_body
from jointreg.body.model import Body
from jointreg.config.joint_sets import JOINT_SETS, OTHER_SETS, JointSet
from jointreg.errors import DataError
from jointreg.skeleton import H36M_17, H36M_AS_SMPL, SMPL_PARENTS, rows

LANDINGS_M: dict[str, tuple[float, float]] = {
    "pelvis": (0.029, 0.12),
    "hip": (0.147, 0.20),
    "knee": (0.068, 0.12),
    "ankle": (0.062, 0.12),
    "spine": (0.033, 0.15),
    "neck": (0.013, 0.12),
    "nose": (0.088, 0.15),
    "head_top": (0.084, 0.15),
    "shoulder": (0.050, 0.12),
    "elbow": (0.048, 0.16),
    "wrist": (0.038, 0.16),
}
"""Joint -> farthest genuine row and limit: distances from `expected_joints`, metres.

Genuine: the field's J_regressor_h36m.npy and the paper's released tensor on SMPL's neutral template, the
farther of the two and of both sides. Human3.6M's hips lie 11 cm above and 7 cm outside of SMPL's. Fits
on few frames leave elbow and wrist free along the arm: the smallest run of the tests lands 0.135 off.
"""

LIMITS_M = np.array(
    [LANDINGS_M[name.removeprefix("left_").removeprefix("right_")][1] for name in H36M_17]
)
"""Farthest that each row may land from its place, metres, (17,), order `H36M_17`."""

SET_REACH_M = 0.2
"""Rows of a known joint set land this near to their places; rows on the face, to the skull's middle."""

WIDE_M = 0.3
"""Root mean square distance of a row's vertices from its joint that no public regressor has on its own
mesh (at most 0.18 m). Public regressors of SMPL have it in 3 to 14 rows on the open body."""

LEFT: tuple[str, ...] = tuple(name for name in H36M_17 if name.startswith("left_"))
LEFT_LEG: tuple[str, ...] = ("left_hip", "left_knee", "left_ankle")


def expected_joints(body: Body, joints: JointSet = JOINT_SETS["h36m_17"]) -> np.ndarray | None:
    """Where the joints of a set are to be expected on the T-pose, (J, 3) metres.

    The nearest skeleton joint; for nose and head top the foremost and the highest vertex of the skull,
    for the face its middle. None for a body whose skeleton is not SMPL's, where nothing can be expected.
    """
    places = _places(body)
    return None if places is None else np.array([places[name] for name in joints.places])


def _places(body: Body) -> dict[str, np.ndarray] | None:
    """Joints of the skeleton, nose, head top and the middle of the skull, each (3,) metres."""
    if not set(H36M_AS_SMPL.values()) <= set(body.joint_names):
        return None
    skull = body.template[body.skinning_weights[:, body.joint_names.index("head")] > 0.5]
    if not len(skull):
        return None
    skeleton = (body.joint_regressor @ body.template).astype(np.float64)
    return {
        **dict(zip(body.joint_names, skeleton, strict=True)),
        "nose": skull[skull[:, 2].argmax()].astype(np.float64),
        "head_top": skull[skull[:, 1].argmax()].astype(np.float64),
        "face": (skull.min(axis=0) + skull.max(axis=0)).astype(np.float64) / 2,
    }


def crossed(joints: np.ndarray) -> tuple[str, ...]:
    """Left joints that do not lie to the left of their right partner.

    Args:
        joints: on the T-pose of an SMPL-format body (its left is +x), (17, 3), order `H36M_17`.
    """
    right = [name.replace("left_", "right_") for name in LEFT]
    wrong = joints[rows(LEFT), 0] <= joints[rows(right), 0]
    return tuple(name for name, bad in zip(LEFT, wrong, strict=True) if bad)


def known_set(joints: np.ndarray, body: Body) -> JointSet | None:
    """The joint set other than Human3.6M's 17 whose places the rows land at; None where no set fits.

    Args:
        joints: where the rows of a file land on the T-pose, (J, 3) metres.
        body: the body; one without SMPL's skeleton cannot be compared.
    """
    places = _places(body)
    best: tuple[float, JointSet | None] = np.inf, None
    for candidate in OTHER_SETS:
        if places is None or len(candidate.places) != len(joints):
            continue
        if not set(candidate.places) <= set(places):
            continue
        away = np.linalg.norm(joints - [places[name] for name in candidate.places], axis=1)
        if away.max() <= SET_REACH_M and away.mean() < best[0]:
            best = float(away.mean()), candidate
    return best[1]


def require_places(landed: np.ndarray, joints: JointSet, body: Body, where: str) -> None:
    """Refuse a regressor of any joint set whose rows do not land at the places of the set.

    Args:
        landed: weights @ template, (J, 3) metres, order `joints`.
        joints: the joint set.
        body: the body; one without SMPL's skeleton is checked for sides only.
        where: names the file in the error.

    Raises:
        DataError: a row farther than `SET_REACH_M` from its place, or not beyond its mirror joint, on
            the side of its place.
    """
    places = expected_joints(body, joints)
    away = np.zeros(len(landed)) if places is None else np.linalg.norm(landed - places, axis=1)
    lines = []
    for row, name in enumerate(joints.joints):
        left = joints.places[row].startswith("left_") or name.startswith("left_")
        crosses = left and landed[row, 0] <= landed[joints.mirror[row], 0] and joints.mirror[row] != row
        if away[row] > SET_REACH_M or crosses:
            side = ", to the right of its mirror joint" if crosses else ""
            lines.append(f"  row {row} ({name}) lands {away[row]:.3f} m from its place{side}")
    if not lines:
        return
    named = None if places is None else known_set(landed, body)
    what = "" if named is None or named == joints else f" It holds {named.title}."
    raise DataError(
        f"{where} does not fit {joints.title} on this body, limit {SET_REACH_M:g} m.{what} "
        f"{len(lines)} of {len(landed)} rows are off:\n" + "\n".join(lines),
        "name the joint set of the file, and the body that it was made for",
    )


def require_reach(landed: np.ndarray, joints: JointSet, vertices: np.ndarray, where: str) -> None:
    """Refuse rows that lie farther apart than the joints of a set can in any pose.

    Two joints are never farther apart than the bones between them are long, here those of the open body
    at the mesh's size. The limit is twice that and 0.3 m, so that rows of any maker pass; eyes at the
    hips do not.

    Args:
        landed: weights @ vertices, (J, 3), order `joints`.
        joints: the joint set.
        vertices: of the mesh in any pose and unit, (V, 3).
        where: names the file in the error.

    Raises:
        DataError: names the two rows that are farthest beyond their limit.
    """
    from scipy.sparse.csgraph import shortest_path

    body = load_body("open")
    places = _places(body)
    if places is None or not set(joints.places) <= set(places):
        return
    nodes = tuple(places)
    bones = np.zeros((len(nodes), len(nodes)))
    for child, parent in enumerate(SMPL_PARENTS):
        if parent >= 0:
            bones[child, parent] = np.linalg.norm(places[nodes[child]] - places[nodes[parent]])
    for name in nodes[len(body.joint_names) :]:
        bones[nodes.index(name), nodes.index("head")] = np.linalg.norm(places[name] - places["head"])
    between = shortest_path(bones, directed=False)
    at = rows(joints.places, nodes)
    size = float(np.ptp(vertices, axis=0).max() / np.ptp(body.template, axis=0).max())
    limits = size * (2 * between[np.ix_(at, at)] + 0.3)
    apart = np.linalg.norm(landed[:, None] - landed, axis=2)
    first, second = np.unravel_index((apart - limits).argmax(), apart.shape)
    if apart[first, second] > limits[first, second]:
        raise DataError(
            f"{where} is not of {joints.title}: rows {first} ({joints.joints[first]}) and {second} "
            f"({joints.joints[second]}) lie {apart[first, second]:.3g} apart on the mesh, expected at "
            f"most {limits[first, second]:.3g}",
            "name the joint set of the file with --joints, or leave it out",
        )


def require_own_mesh(matrix: np.ndarray, vertices: np.ndarray, name: str, mesh: str) -> None:
    """Refuse a mesh of as many vertices with other numbers: rows read vertices all over it.

    Args:
        matrix: (J, V), in any scale; what is below zero does not count.
        vertices: of a person in any pose, (V, 3) metres.
        name: names the regressor in the error.
        mesh: names the mesh.

    Raises:
        DataError: two rows or more read vertices farther than `WIDE_M` from their joint.
    """
    wide = wide_rows(matrix, vertices)
    if wide > 1:
        raise DataError(
            f"{wide} of {len(matrix)} rows of {name} read vertices all over {mesh}: it belongs to "
            "another mesh, or was fitted to few frames",
            "give the mesh that the regressor was made for: SMPL and the open body have as many "
            "vertices, with other numbers. A fit to few frames is read where `jointreg evaluate --body` "
            "names the body of its mesh",
        )


def wide_rows(matrix: np.ndarray, vertices: np.ndarray) -> int:
    """How many rows read vertices farther than `WIDE_M` from their joint, root mean square.

    A fit to few frames without candidates has such rows on its own mesh.

    Args:
        matrix: (J, V), in any scale; what is below zero does not count.
        vertices: of a person in any pose, (V, 3) metres.
    """
    wide = 0
    for weights in np.maximum(matrix, 0.0):
        read = np.flatnonzero(weights)
        if not len(read):
            continue
        shares = weights[read] / weights[read].max()
        shares /= shares.sum()
        places = vertices[read] - shares @ vertices[read]
        wide += bool(np.sqrt(shares @ np.square(places).sum(axis=1)) > WIDE_M)
    return wide


def require_placement(
    joints: np.ndarray,
    body: Body,
    where: str,
    *,
    file_rows: np.ndarray | None = None,
    fitted: bool = False,
    fitted_on_it: bool = False,
) -> None:
    """Refuse a regressor whose rows do not land at their joints.

    Args:
        joints: weights @ template, (17, 3) metres, order `H36M_17`.
        body: the body; one without SMPL's skeleton is checked for sides only.
        where: names the file in the error.
        file_rows: row of the file that each joint was read from, (17,); None where that is its own row.
        fitted: whether the rows come from a fit, whose cause then lies in its labels or frames.
        fitted_on_it: whether they are of a file whose sidecar names this mesh.

    Raises:
        DataError: lists every row that is off with its distance and limit, and names the likely cause.
    """
    places = expected_joints(body)
    wrong_side = crossed(joints)
    if places is None:
        if wrong_side:
            raise DataError(
                f"{where}: {', '.join(wrong_side)} lie on the right side of the body, expected on the "
                "left",
                "give the rows the order skeleton.H36M_17 (left leg first) or H36M_17_RIGHT_FIRST",
            )
        return
    away = np.linalg.norm(joints[:, None] - places, axis=2)
    own = np.diag(away)
    within = away <= LIMITS_M
    # Pairs of rows that would land at their joints, and together nearer to them, if they were exchanged.
    exchanged = within & within.T & (own[:, None] + own > away + away.T)
    off = (own > LIMITS_M) | exchanged.any(axis=1)
    if not off.any():
        return
    file_rows = np.arange(len(H36M_17)) if file_rows is None else file_rows
    lines = []
    for row in np.flatnonzero(off):
        name = H36M_17[row]
        side = ", on the wrong side" if name.replace("right_", "left_") in wrong_side else ""
        other = [H36M_17[k] for k in np.flatnonzero(exchanged[row])]
        as_if = f", as if it were {other[0]}" if len(other) == 1 else ""
        lines.append(
            f"  row {file_rows[row]} ({name}) lands {own[row]:.3f} m from its joint{side}{as_if}, "
            f"limit {LIMITS_M[row]:g} m"
        )
    text = f"{len(lines)} of {len(H36M_17)} rows are off:\n" + "\n".join(lines)
    if fitted:
        raise DataError(f"{where}: {text}", _cause_of_fit(away, off))
    named = known_set(joints[np.argsort(file_rows)], body)
    if named is not None:
        raise DataError(f"{where} holds {named.title}, expected Human3.6M's 17", named.cure)
    raise DataError(
        f"{where} does not fit this body, {text}", _cause_of_file(away, file_rows, fitted_on_it)
    )


def _cause_of_fit(away: np.ndarray, off: np.ndarray) -> str:
    """What to look at when a fit does not land at its joints, from the distances of rows to joints.

    Args:
        away: of each row to each joint, (17, 17) metres.
        off: the rows that are refused, (17,) bool.
    """
    if _order(away) is not None:
        return (
            "the labels' joints seem to stand in another order: give them the order skeleton.H36M_17 "
            "(left leg first), or their names"
        )
    if 2 * off.sum() > len(off):
        return (
            "look whether the bodies are of the labelled people and frames, in the labels' frame of "
            "reference (an untrained or mismatched checkpoint gives bodies of nobody); then at unit and "
            "order of the labels"
        )
    return (
        "too few frames, poses too much alike, or bodies that do not follow the labels leave these rows "
        "free: fit to more frames, look at the bodies, or set candidates_m of this fit to a distance "
        "under the limit"
    )


def _order(away: np.ndarray) -> np.ndarray | None:
    """The row that lands at each joint, (17,), if rows in another order do; else None.

    Args:
        away: distance of each row to each joint, (17, 17) metres.
    """
    from scipy.optimize import linear_sum_assignment

    row, joint = linear_sum_assignment(away)
    if (away[row, joint] <= LIMITS_M[joint]).all() and (joint != row).any():
        return np.argsort(joint)
    return None


def _cause_of_file(away: np.ndarray, file_rows: np.ndarray, fitted_on_it: bool) -> str:
    """What is wrong with a file, from the distance of each row to each joint, (17, 17) metres."""
    if (moved := _order(away)) is not None:
        order = file_rows[moved].tolist()
        if order == sorted(order):
            return "its rows have the left leg first (joint set h36m_17): name that order, or none"
        return (
            "its rows land as Human3.6M's joints in another order. If that is what they are: "
            f"np.save('reordered.npy', J[{order}]), J being the file's matrix (17, V)"
        )
    if fitted_on_it:
        return (
            "its sidecar names this mesh, so the fit is at fault: fit it again to more frames, and look "
            "at order and names of its labels"
        )
    return (
        "meshes with as many vertices can number them otherwise, as SMPL and the open body do: load "
        "it with the body that it was made for"
    )
