"""Values of prediction files as rotations and betas, or as joints; nothing is guessed.

Names and shapes show what the values mean. If they leave two readings, the numbers decide, provided that
only one is possible. Otherwise the file is refused. docs/methods.md lists the known keys.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jointreg.arrays import texts
from jointreg.datasets.named_joints import in_order, require_joints
from jointreg.datasets.poses import (
    left_leg_first,
    metre_by_legs,
    missing_rows,
    require_finite,
    require_metres,
    require_person,
)
from jointreg.datasets.unread import only_key
from jointreg.errors import DataError, UnitError
from jointreg.files.pickles import as_array
from jointreg.geometry.rotations import from_6d, from_axis_angle, rotation_errors
from jointreg.plausible import DEPTH_M, LEG_M
from jointreg.predictions.vertices import metre_of
from jointreg.skeleton import H36M_17, SMPL_24, rows

WHOLE = (
    *("rotations", "rotmat", "pred_rotmat", "pose", "poses", "fullpose", "smpl_pose", "pred_pose"),
    *("smpl_thetas", "smpl_poses"),
)
"""Keys of all joints' rotations, root first."""
PARTS = ("global_orient", "body_pose")
BETAS = ("betas", "pred_betas", "smpl_beta", "smpl_betas", "pred_shape", "shape")
JOINTS = ("joints_cam", "joints", "pred_joints", "joints3d", "joints_3d", "keypoints3d", "keypoints_3d")

SIX = ("interleaved", "stacked")
"""6D conventions: a row-major 3x2 matrix (SPIN, VIBE), or the first column, then the second (MEVA)."""

LARGEST_ERROR = 1e-3
"""Farthest that a matrix is from a rotation; see `geometry.rotations.rotation_errors`."""

_OF_BODY = 22
"""Joints that SMPL, SMPL-H and SMPL-X have alike."""

LARGEST_BETA = 10.0
"""Largest plausible beta of a row, in standard deviations, as a median over the rows. A single row may
have three times as much."""

_PAGE = "give rotations (N, 24, 3, 3) and betas (N, 10); docs/methods.md has all keys and shapes"


def bodies(
    values: Mapping[str, Any],
    where: str,
    n_betas: int,
    six: str = "",
    note: Callable[[str], None] = print,
) -> dict[str, np.ndarray]:
    """Rotations (N, 24, 3, 3), betas (N, n_betas) and, if the file has it, translation (N, 3) metres.

    Rows that are not numbers stay so.

    Args:
        values: from `predictions.files.read_file`.
        where: names the file in errors.
        n_betas: shape directions of the body.
        six: convention of 6D rotations, one of `SIX`; empty: the numbers must show it.
        note: is told what is left out, and a gender.

    Raises:
        DataError: keys are missing, shapes unknown, conventions undecided, numbers no rotations, or
            rows of several genders.
        UnitError: angles in degrees, or a translation that is not in metres.
    """
    _require_camera(values, where)
    _require_one_gender(values, where, note)
    whole = {
        key: _rotations(_array(values, key, where), f"{where}: {key}", (24, 22, 52, 55), six)
        for key in WHOLE
        if key in values
    }
    if whole:
        rotations = next(iter(whole.values()))
    elif all(part in values for part in PARTS):
        root = _rotations(_array(values, PARTS[0], where), f"{where}: {PARTS[0]}", (1,), six)
        rest = _rotations(_array(values, PARTS[1], where), f"{where}: {PARTS[1]}", (23, 21), six)
        if len(root) != len(rest):
            raise DataError(f"{where}: {len(root)} rows of global_orient, {len(rest)} of body_pose")
        rotations = np.concatenate([root, rest], axis=1)
    else:
        cure = "--kind joints reads its joints; so does kind joints in the table of methods"
        cure = cure if set(JOINTS) & set(values) else _PAGE
        raise DataError(
            f"{where} lacks rotations: has {', '.join(sorted(map(str, values))[:12])}, expected one of "
            f"{', '.join(WHOLE)}, or {' and '.join(PARTS)}",
            cure,
        )
    if not len(rotations):
        raise DataError(f"{where} has no rows", "run the method again, and look at what it printed")
    arrays = {"rotations": _with_hands(rotations)}
    _require_rotations(arrays["rotations"], where)
    _require_one({key: array[:, :_OF_BODY] for key, array in whole.items()}, where)
    arrays["betas"] = _betas(values, where, len(rotations), n_betas, note)
    if "translation" in values:
        arrays["translation"] = _translation(_array(values, "translation", where), where, len(rotations))
    return arrays


def joints(values: Mapping[str, Any], where: str, note: Callable[[str], None] = print) -> np.ndarray:
    """The 17 joints (N, 17, 3), metres, order `H36M_17`.

    `joint_names` gives the order. Without it hips and shoulders show whether the left or the right leg
    comes first. The length of the legs shows whether the unit is metres or millimetres. Rows that are
    not numbers are NaN.

    Raises:
        DataError: no joints, or not these 17, or sides that contradict each other.
        UnitError: legs whose length is plausible in neither unit.
    """
    key = only_key(values, JOINTS, where)
    if key is None:
        raise DataError(
            f"{where} has {', '.join(sorted(map(str, values))[:12])}, "
            f"expected one of {', '.join(JOINTS)}"
        )
    points = _array(values, key, where).astype(np.float64)
    require_joints(points, f"{where}: {key}", len(H36M_17))
    whole = ~missing_rows(points)
    if not whole.any():
        require_finite(points, f"{where}: {key}")
    points[~whole] = np.nan
    points = left_leg_first(points, where, values.get("joint_names"), note)
    points = points * _metres(points[whole], where, note)
    require_metres(points, where)
    require_person(points[whole], where)
    return points


def named_joints(
    values: Mapping[str, Any],
    where: str,
    names: tuple[str, ...],
    note: Callable[[str], None] = print,
) -> np.ndarray:
    """Joints of any set (N, J, 3), metres, in the order of `names`.

    Args:
        values: from `predictions.files.read_file`.
        where: names the file in errors.
        names: the joints that are wanted. Human3.6M's 17 are read as `joints` does.
        note: is told what is reordered or assumed.

    Raises:
        DataError: no joints, or names that repeat or are others.
        UnitError: a size that no person has in metres or millimetres.
    """
    if sorted(names) == sorted(H36M_17):
        return joints(values, where, note)[:, rows(names)]
    key = only_key(values, JOINTS, where)
    if key is None:
        raise DataError(
            f"{where} has {', '.join(sorted(map(str, values))[:12])}, "
            f"expected one of {', '.join(JOINTS)}"
        )
    points = in_order(
        _array(values, key, where), f"{where}: {key}", values.get("joint_names"), names, note
    )
    return points * metre_of(points, f"{where}: {key}", note)


def _require_camera(values: Mapping[str, Any], where: str) -> None:
    """Refuse files whose poses are in a room's frame only."""
    world = [key for key in values if key in ("pose_world", "poses_world", "global_orient_world")]
    if world and not set(values) & {*WHOLE, PARTS[0]}:
        raise DataError(
            f"{where} has '{world[0]}', poses in a room's frame, and none in the camera's",
            "save the tool's poses in the camera's frame too",
        )


def _require_one_gender(values: Mapping[str, Any], where: str, note: Callable[[str], None]) -> None:
    """Refuse rows of several genders, whose betas are of a body each; a note names a single one."""
    meta = values.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    named = values.get("gender", values.get("genders", meta.get("gender")))
    if named is None:
        return
    genders = np.unique(texts(named)).tolist()
    if len({gender[:1].lower() for gender in genders}) > 1:
        raise DataError(
            f"{where} has rows of several genders, each of another body: {', '.join(genders)[:200]}",
            "save the rows of each gender in a file of their own, and give it the body of that gender",
        )
    if genders and genders[0][:1].lower() in ("m", "f"):
        note(f"{where}: the gender is '{genders[0]:.40}': the betas are of the body of that gender")


def _array(values: Mapping[str, Any], key: str, where: str) -> np.ndarray:
    array = as_array(values[key], f"{where}: {key}")
    if array.dtype.kind not in "fiu" or not array.ndim:
        raise DataError(f"{where}: {key} is {array.dtype} of shape {array.shape}, expected numbers")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


@np.errstate(invalid="ignore", over="ignore")
def _rotations(values: np.ndarray, where: str, counts: tuple[int, ...], six: str) -> np.ndarray:
    """(N, K, 3, 3) from matrices, axis-angle or 6D of K joints, K one of `counts`."""
    shape, count = values.shape[1:], len(values)
    for k in counts:
        heads = [(k,)] + ([()] if k == 1 else [])
        forms = {
            "matrix": [(*head, 3, 3) for head in heads] + [(k, 9), (9 * k,)],
            "axis-angle": [(*head, 3) for head in heads] + [(3 * k,)],
            "interleaved": [(*head, 3, 2) for head in heads],
            "stacked": [(*head, 2, 3) for head in heads],
            "6D": [(*head, 6) for head in heads] + [(6 * k,)],
        }
        form = next((name for name, shapes in forms.items() if shape in shapes), None)
        if form == "matrix":
            return values.reshape(count, k, 3, 3)
        if form == "axis-angle":
            return _from_axis_angle(values.reshape(count, k, 3), where)
        if form is not None:
            flat = values.reshape(count, k, 6)
            return from_6d(_interleaved(flat, form if form in SIX else _convention(flat, six, where)))
    sizes = ", ".join(str(k) for k in counts)
    raise DataError(
        f"{where} has shape {values.shape}, expected N rows of {sizes} joints as 3x3 matrices, "
        "axis-angle (3 numbers a joint) or 6D (6 numbers)",
        _PAGE,
    )


def _from_axis_angle(vectors: np.ndarray, where: str) -> np.ndarray:
    angle = np.linalg.norm(vectors, axis=-1)
    finite = angle[np.isfinite(angle)]
    if finite.size and np.quantile(finite, 0.99) > 2 * np.pi:
        raise UnitError(
            f"{where}: axis-angle vectors turn by up to {finite.max():.4g}, expected radians",
            "probably degrees: divide by 57.29578",
        )
    return from_axis_angle(vectors)


def _interleaved(six: np.ndarray, convention: str) -> np.ndarray:
    if convention == "interleaved":
        return six
    return six.reshape(*six.shape[:-1], 2, 3).swapaxes(-1, -2).reshape(six.shape)


def _convention(six: np.ndarray, declared: str, where: str) -> str:
    """The convention that is declared, or the only one in which the columns are orthonormal."""
    off = {}
    for name in SIX:
        columns = _interleaved(six, name).reshape(-1, 3, 2)
        columns = columns[np.isfinite(columns).all(axis=(1, 2))]
        gram = np.einsum("nab,nac->nbc", columns, columns)
        off[name] = float(np.median(np.abs(gram - np.eye(2)).max(axis=(1, 2))))
    clean = [name for name in SIX if off[name] < 1e-3]
    if declared:
        if len(clean) == 1 and clean[0] != declared:
            raise DataError(
                f"{where}: six is {declared}, but the columns of its 6D rotations are {clean[0]}"
            )
        return declared
    if len(clean) == 1:
        return clean[0]
    raise DataError(
        f"{where}: 6D rotations can be read in two ways, and the numbers do not decide",
        "save them as matrices (N, 24, 3, 3); or, in the workflow, write `interleaved` (SPIN, VIBE) or "
        "`stacked` (MEVA) into the column `six` of the table of methods",
    )


def _with_hands(rotations: np.ndarray) -> np.ndarray:
    """Rotations of SMPL's 24 joints: from SMPL-H and SMPL-X those of the body's 22, hands at rest."""
    if rotations.shape[1] == len(SMPL_24):
        return rotations
    hands = np.broadcast_to(np.eye(3, dtype=rotations.dtype), (len(rotations), 2, 3, 3))
    return np.concatenate([rotations[:, :22], hands], axis=1)


def _require_rotations(rotations: np.ndarray, where: str) -> None:
    whole = np.isfinite(rotations).all(axis=(1, 2, 3))
    with np.errstate(invalid="ignore", over="ignore"):  # rows that are not numbers stay so
        errors = rotation_errors(rotations)
    wrong = np.flatnonzero(whole & ~(errors <= LARGEST_ERROR).all(axis=1))
    if len(wrong):
        raise DataError(
            f"{where}: rotations of row {wrong[0]} are no rotations (not orthonormal, or mirrored); "
            f"{len(wrong)} of {len(rotations)} rows",
            "3x3 numbers a joint are matrices; axis-angle has 3 and 6D has 6",
        )


def _require_one(arrays: Mapping[str, np.ndarray], where: str) -> None:
    """Refuse arrays of one kind that differ, as a truth and a prediction in one file."""
    key, first = next(iter(arrays.items()), ("", np.zeros(0)))
    for other, array in list(arrays.items())[1:]:
        rows_differ = len({len(first), len(array)} - {1}) > 1
        if rows_differ or not (np.abs(array - first) < LARGEST_ERROR).all():
            raise DataError(
                f"{where} has {key} and {other}, which differ, and it is not known which are meant",
                "save those that are meant in a file of their own",
            )


def _betas(
    values: Mapping[str, Any], where: str, count: int, n_betas: int, note: Callable[[str], None]
) -> np.ndarray:
    found = {key: np.atleast_2d(_array(values, key, where)) for key in BETAS if key in values}
    key = next(iter(found), None)
    if key is None:
        cure = _PAGE
        if "smpl_poses" in values:
            cure = "AIST++ gives motion without shape: add betas, zeros for the mean shape"
        raise DataError(f"{where} lacks ['betas']: expected one of {', '.join(BETAS)}", cure)
    betas = found[key]
    _require_one({one: row for one, row in found.items() if row.shape[-1:] == betas.shape[-1:]}, where)
    if betas.ndim == 2 and len(betas) == 1 < count:  # one shape for all rows
        betas = np.repeat(betas, count, axis=0)
    if betas.ndim == 2 and betas.shape[1] > n_betas and not betas[:, n_betas:].any():
        betas = betas[:, :n_betas]
    if betas.shape == (count, 16) and n_betas == 10:  # AMASS, BEDLAM: the first ten are SMPL's
        largest = np.abs(betas[:, 10:]).max()
        note(f"{where}: of 16 betas the last 6 (up to {largest:.2g}) are left out, the body has 10")
        betas = betas[:, :10]
    if betas.shape != (count, n_betas):
        raise DataError(
            f"{where}: {key} has shape {betas.shape}, expected {(count, n_betas)}: the body has "
            f"{n_betas} shape directions",
            "BEV's eleventh is a share of a child's body: give the first ten of adults"
            if betas.ndim == 2 and betas.shape[1] == 11
            else "give a row for each frame, or one for all of them"
            if betas.ndim == 2 and betas.shape[1] == n_betas
            else "give the betas of this body, or name their body with --body",
        )
    extremes = np.abs(betas).max(axis=1)
    extremes[~np.isfinite(extremes)] = 0.0  # rows that are not numbers stay so
    if count and (np.median(extremes) > LARGEST_BETA or extremes.max() > 3 * LARGEST_BETA):
        raise DataError(
            f"{where}: {key} reach {extremes.max():.3g} in row {extremes.argmax()}, expected under "
            f"{LARGEST_BETA:.0f}",
            "betas are in standard deviations of the body's shape directions",
        )
    return betas


def _translation(values: np.ndarray, where: str, count: int) -> np.ndarray:
    if values.shape != (count, 3):
        raise DataError(f"{where}: translation has shape {values.shape}, expected {(count, 3)}")
    far = np.abs(values).max(axis=1, initial=0)
    if (far > DEPTH_M.high).any():
        guess = "probably millimetres: divide by 1000" if np.median(far) > 500 else "give metres"
        raise UnitError(
            f"{where}: the translation of row {np.argmax(far > DEPTH_M.high)} is {far.max():.4g} large, "
            f"expected {DEPTH_M}",
            f"{guess}, or leave the key out",
        )
    return values


def _metres(points: np.ndarray, where: str, note: Callable[[str], None]) -> float:
    factor, length = metre_by_legs(points)
    if factor:
        if factor != 1:
            note(f"{where}: joints are in millimetres, legs {length * factor:.2f} m long")
        return factor
    raise UnitError(
        f"{where}: legs are {length:.4g} long (median), expected {LEG_M}, or a "
        "thousand times that in mm",
        "give the joints in metres, in the camera's frame",
    )
