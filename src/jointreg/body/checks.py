"""Whether the arrays of a body file are those of a body: what its format allows and no human is.

All checks hold for SMPL's neutral template, skeleton and faces, and for SMPL-X's faces.
"""

import numpy as np

from jointreg.errors import DataError, UnitError
from jointreg.plausible import ADULT_M, TEMPLATE_M
from jointreg.skeleton import SMPL_24, rows

LARGEST_SHAPE_M = 0.5
"""Farthest that one unit of a beta moves a vertex, metres. The open body's move 0.05."""

LARGEST_POSE_M = 1.0
"""Farthest that one entry of a rotation moves a vertex, metres. The open body's move 0.02."""

FAR_FROM_SKIN_M = 0.4
"""A joint lies this near to the mean of the vertices that follow it. The open body's: 0.22."""

ROW_SUM_ERROR = 0.01
"""Rows of a joint regressor sum to 1 within this."""

CHAINS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (1, ("pelvis", "spine1", "spine2", "spine3", "neck", "head")),
    (1, ("left_foot", "left_ankle", "left_knee", "left_hip", "neck")),
    (1, ("right_foot", "right_ankle", "right_knee", "right_hip", "neck")),
    (0, ("neck", "left_collar", "left_shoulder", "left_elbow", "left_wrist")),
    (0, ("right_wrist", "right_elbow", "right_shoulder", "right_collar", "neck")),
    *((0, (f"right_{joint}", f"left_{joint}")) for joint in ("hip", "knee", "ankle", "foot")),
    *((2, (f"{side}_ankle", f"{side}_foot")) for side in ("left", "right")),
)
"""Axis (x to the left, y up, z forward) and joints whose coordinates rise along it in the T-pose."""

SMALL_M = 1.0
"""A template below this height has the proportions of a child of up to four years, if it is one."""

ADULT_HEAD = 0.19
"""Neck to crown in heights: less in grown people (SMPL 0.16), 0.21 or more in children that small."""

ADULT_LEGS = 0.46
"""Sole to hip in heights: more in grown people (SMPL 0.49), 0.44 or less in children that small."""

ON_HANDS = 2
"""Joints behind the wrists: SMPL-H and SMPL-X have fingers in their place, so they are not compared."""

_AXES = ("to the body's left (x)", "upwards (y)", "forwards (z)")


def check_template(template: np.ndarray, where: str) -> None:
    """Refuse a template that is not in metres, y up; note one that is smaller than a grown person.

    Args:
        template: (V, 3).
        where: names the file in errors.

    Raises:
        UnitError: its height is no person's in metres.
    """
    height = float(np.ptp(template[:, 1]))
    TEMPLATE_M.require(
        height,
        f"{where}: the template is {height:.4g} high",
        "templates are in metres, y up, z forward",
    )
    if not ADULT_M.hold(height):
        print(
            f"{where}: the template is {height:.2f} m high, taken for an infant's or a child's; a grown "
            f"person's is {ADULT_M}, so check the unit if it should be one"
        )


def check_faces(faces: np.ndarray, template: np.ndarray, where: str) -> None:
    """Refuse faces that are no oriented surface with its outside out; note one that is open.

    Args:
        faces: vertex indices, integers.
        template: (V, 3) metres.
        where: names the file in errors.

    Raises:
        DataError: not (F, 3) indices of the vertices, a face with a vertex twice, an edge that two faces
            run through in one direction, or a surface that is turned inside out.
    """
    if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise DataError(f"{where}: f has shape {faces.shape}, expected triangles (F, 3)")
    if faces.min() < 0 or faces.max() >= len(template):
        raise DataError(
            f"{where}: f has shape {faces.shape} and indices {faces.min()} to {faces.max()}, expected "
            f"triangles of vertices 0 to {len(template) - 1}"
        )
    cure = "take the faces from the body's makers: silhouettes need an oriented surface"
    degenerate = np.flatnonzero((faces == np.roll(faces, 1, axis=1)).any(axis=1))
    if len(degenerate):
        raise DataError(f"{where}: face {degenerate[0]} of f has a vertex twice", cure)
    first, second = faces.ravel().astype(np.int64), np.roll(faces, -1, axis=1).ravel().astype(np.int64)
    edges = np.sort(first * len(template) + second)
    back = np.sort(second * len(template) + first)
    repeated = np.count_nonzero(edges[1:] == edges[:-1])
    if repeated:
        raise DataError(
            f"{where}: f has {repeated} edges that two faces run through in one direction: faces that "
            "stand there twice, or are turned round",
            cure,
        )
    corners = (template - template.mean(axis=0)).astype(np.float64)[faces]
    volume = np.einsum("fa,fa->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    if volume <= 0:
        raise DataError(
            f"{where}: the faces enclose {volume:.3g} m^3, expected a positive volume: they are turned "
            "inside out, or the template is mirrored",
            cure,
        )
    one_face = 0 if np.array_equal(edges, back) else np.count_nonzero(~np.isin(edges, back))
    if one_face:
        print(
            f"{where}: {one_face} edges have one face only, so no silhouette can be drawn of this mesh"
        )


def check_directions(shape: np.ndarray, pose: np.ndarray, where: str) -> None:
    """Refuse offsets of shape (V, 3, B) or pose (V, 3, P) that are not in metres.

    Raises:
        DataError: no shape directions.
        UnitError: an offset that no body has.
    """
    if not shape.shape[2]:
        raise DataError(f"{where}: shapedirs has shape {shape.shape}, expected at least one beta")
    for key, offsets, limit in (
        ("shapedirs", shape, LARGEST_SHAPE_M),
        ("posedirs", pose, LARGEST_POSE_M),
    ):
        largest = float(max(offsets.max(initial=0.0), -offsets.min(initial=0.0)))
        if largest > limit:
            raise UnitError(
                f"{where}: {key} moves a vertex by {largest:.3g}, expected at most {limit} m",
                "directions are in metres, as the template",
            )


def check_weights(weights: np.ndarray, where: str) -> None:
    """Refuse skinning weights that do not share each vertex among the joints, (V, K).

    Raises:
        DataError: negative weights, sums other than 1, or a joint that moves no vertex.
    """
    off = np.abs(weights.sum(axis=1) - 1).max(initial=0.0)
    if off > 1e-3:
        raise DataError(f"{where}: skinning weights of a vertex sum to 1 +- {off:.3g}, expected 1")
    if weights.min(initial=0.0) < -1e-3:
        raise DataError(f"{where}: skinning weights go down to {weights.min():.3g}, expected 0 to 1")
    idle = np.flatnonzero(weights.max(axis=0) <= 0)
    if len(idle):
        raise DataError(f"{where}: no vertex follows joint {idle[0]} ({len(idle)} such joints)")


def check_skeleton(regressor: np.ndarray, template: np.ndarray, weights: np.ndarray, where: str) -> None:
    """Refuse a skeleton that does not stand in its template in a T-pose, facing +z, its left at +x.

    Args:
        regressor: (24, V), order `SMPL_24`.
        template: (V, 3) metres.
        weights: skinning weights (V, 24).
        where: names the file in errors.

    Raises:
        DataError: rows that do not sum to 1, joints outside of the mesh, in another order along the
            body, on the wrong side, or far from the vertices that follow them.
    """
    sums = regressor.sum(axis=1, dtype=np.float64)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > ROW_SUM_ERROR:
        raise DataError(
            f"{where}: row {worst} of J_regressor ({SMPL_24[worst]}) sums to {sums[worst]:.3g}, "
            "expected 1"
        )
    joints = (regressor.astype(np.float64) @ template)[:-ON_HANDS]
    outside = (joints < template.min(axis=0) - 0.02) | (joints > template.max(axis=0) + 0.02)
    if outside.any():
        name = SMPL_24[int(np.flatnonzero(outside.any(axis=1))[0])]
        raise DataError(f"{where}: J_regressor places {name} outside of the mesh")
    _require_proportions(joints, template, where)
    cure = "expected a T-pose in metres: x to the body's left, y up, z forward, joints as SMPL's"
    for axis, names in CHAINS:
        along = joints[rows(list(names), SMPL_24), axis]
        wrong = np.flatnonzero(np.diff(along) <= 0)
        if len(wrong):
            lower, upper = names[wrong[0]], names[wrong[0] + 1]
            raise DataError(
                f"{where}: {lower} and {upper} do not rise {_AXES[axis]}: template, its axes or "
                "J_regressor are not those of a body",
                cure,
            )
    weights = weights[:, :-ON_HANDS].astype(np.float64)
    total = weights.sum(axis=0)
    middle = weights.T @ template / np.maximum(total, 1e-9)[:, None]
    away = np.where(total > 0, np.linalg.norm(middle - joints, axis=1), 0.0)
    if away.max() > FAR_FROM_SKIN_M:
        name = SMPL_24[int(away.argmax())]
        raise DataError(
            f"{where}: the vertices that follow {name} lie {away.max():.2f} m from it, expected under "
            f"{FAR_FROM_SKIN_M} m: template, weights and J_regressor are not of one body"
        )


def _require_proportions(joints: np.ndarray, template: np.ndarray, where: str) -> None:
    """Refuse a grown person's body at a child's height: it is in another unit, or was scaled."""
    bottom, top = template[:, 1].min(), template[:, 1].max()
    height = float(top - bottom)
    neck, hip = joints[rows(["neck", "left_hip"], SMPL_24), 1]
    head, legs = float(top - neck) / height, float(hip - bottom) / height
    if height < SMALL_M and 0 < head < ADULT_HEAD and ADULT_LEGS < legs < 1:
        raise UnitError(
            f"{where}: the template is {height:.2f} m high and has a grown person's proportions: neck "
            f"to crown {head:.0%} of its height, legs {legs:.0%}",
            "a child of that height has a larger head and shorter legs: give the template in metres, "
            "unscaled",
        )
