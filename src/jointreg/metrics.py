"""Pose errors of the field: MPJPE, PA-MPJPE, PCK, AUC, acceleration and vertex error. Metres in and out.

All functions take whole arrays of frames and return one number a frame (or a frame and joint), so
that the caller chooses how to average over frames, actions or subjects.
"""

from collections.abc import Sequence

import numpy as np

from jointreg.arrays import ends_from, indices, lengths, real_array, require_finite
from jointreg.errors import DataError, ShapeError
from jointreg.geometry.procrustes import fit_similarity
from jointreg.plausible import POSE_RADIUS_M

PCK_THRESHOLD = 0.150
"""Distance in metres under which a joint counts as correct (MPI-INF-3DHP)."""

AUC_STEPS = 31
"""Thresholds of the AUC, evenly from 0 to `PCK_THRESHOLD` (MPI-INF-3DHP: every 5 mm)."""

Joints = Sequence[int] | np.ndarray | None
"""Rows of the joints that count; None for all."""

Root = int | Sequence[int] | np.ndarray
"""Row of the joint that skeletons are moved to; of several rows the mean, as the middle of the hips."""


def mpjpe(
    predicted: np.ndarray, target: np.ndarray, root: Root = 0, joints: Joints = None
) -> np.ndarray:
    """Mean per-joint position error after both skeletons are moved to their root.

    Args:
        predicted: joints (N, J, 3), metres, any translation.
        target: labels in the same axes, unit and order, (N, J, 3).
        root: row, of all J, that both are moved to; the mean of several.
        joints: rows, of all J, over which the mean runs; None for all J. The root counts, with
            error 0, where it is among them.

    Returns:
        One error a frame, (N,) metres, float64.

    Raises:
        ShapeError: shapes differ, or are not (N, J, 3) of numbers, or rows are no integers or do not
            exist.
        UnitError: a skeleton wider than any person in one of the frames, usually millimetres.
        DataError: an array is not finite, or is complex or masked.
    """
    errors = joint_errors(predicted, target, root)
    return errors[:, _rows(joints, errors.shape[1])].mean(axis=1)


def pa_mpjpe(predicted: np.ndarray, target: np.ndarray, joints: Joints = None) -> np.ndarray:
    """Mean per-joint position error after a similarity (scale, rotation with det +1, translation).

    The similarity is fitted to the selected joints and the mean runs over the same ones. Arguments,
    result and errors are those of `mpjpe`.
    """
    errors = aligned_joint_errors(predicted, target, joints)
    return errors[:, _rows(joints, errors.shape[1])].mean(axis=1)


def joint_errors(predicted: np.ndarray, target: np.ndarray, root: Root | None = 0) -> np.ndarray:
    """Distance of every joint after moving both skeletons to `root`, (N, J) metres.

    `root=None` moves nothing: the absolute error. Raises as `mpjpe` does.
    """
    return np.linalg.norm(_rooted(*_checked(predicted, target), root), axis=-1)


def aligned_joint_errors(predicted: np.ndarray, target: np.ndarray, joints: Joints = None) -> np.ndarray:
    """Distance of every joint after the similarity that fits the rows `joints`, (N, J) metres.

    Joints outside `joints` are moved along and measured, but do not steer. Raises as `mpjpe` does.
    """
    return _aligned_errors(*_checked(predicted, target), joints)


def both_errors(
    predicted: np.ndarray, target: np.ndarray, root: Root | None = 0, joints: Joints = None
) -> tuple[np.ndarray, np.ndarray]:
    """`joint_errors` and `aligned_joint_errors` of the same joints, which are checked once."""
    pair = _checked(predicted, target)
    return np.linalg.norm(_rooted(*pair, root), axis=-1), _aligned_errors(*pair, joints)


def acceleration_errors(predicted: np.ndarray, target: np.ndarray, root: Root | None = 0) -> np.ndarray:
    """Difference of the accelerations in consecutive frames, (N - 2, J) metres a frame squared.

    The acceleration at a frame is the second difference over it and its two neighbours. The first and
    the last frame have none. Times the square of the frame rate it is in metres a second squared.

    Args:
        predicted: joints (N, J, 3) metres of N frames, one after another.
        target: labels of the same frames.
        root: both skeletons are moved to it first; None moves nothing.

    Raises:
        ShapeError, UnitError, DataError: as `mpjpe`.
    """
    difference = _rooted(*_checked(predicted, target), root)
    second = difference[:-2] - 2 * difference[1:-1] + difference[2:]
    return np.linalg.norm(second, axis=-1)


def pck(errors: np.ndarray, threshold: float = PCK_THRESHOLD) -> np.ndarray:
    """Share of joints nearer than `threshold` (strictly), errors (N, J) metres -> (N,) in 0..1.

    Raises:
        ShapeError: not (N, J) with at least one joint.
        DataError: an error is not finite or negative, or the threshold is.
    """
    errors = real_array(errors, "errors")
    _require_errors(errors, threshold)
    return _share_nearer(errors, threshold)


def auc(errors: np.ndarray, threshold: float = PCK_THRESHOLD, steps: int = AUC_STEPS) -> np.ndarray:
    """Mean PCK over `steps` thresholds from 0 to `threshold`, errors (N, J) metres -> (N,) in 0..1.

    The threshold 0 takes part, as in MPI-INF-3DHP, so that perfect joints score (steps - 1) / steps.

    Raises:
        ShapeError, DataError: as `pck`; DataError: fewer than two steps.
    """
    if not isinstance(steps, int | np.integer) or steps < 2:
        raise DataError(f"steps is {steps}, expected a whole number of at least 2")
    errors = real_array(errors, "errors")
    _require_errors(errors, threshold)
    limits = np.linspace(0.0, threshold, steps)
    return np.mean([_share_nearer(errors, limit) for limit in limits], axis=0)


def vertex_error(predicted: np.ndarray, target: np.ndarray, *, centred: bool = False) -> np.ndarray:
    """Mean distance of corresponding vertices, (N, V, 3) metres x2 -> (N,) metres.

    `centred` first moves both meshes to their vertex mean: the error that is left when the position
    in the room is taken out. Raises as `mpjpe` does; float32 meshes are not copied to float64.
    """
    meshes = real_array(predicted, "predicted"), real_array(target, "target")
    predicted, target = (
        mesh if mesh.dtype in (np.float32, np.float64) else mesh.astype(np.float64) for mesh in meshes
    )
    if predicted.shape == target.shape and predicted.ndim == 3:
        some = slice(None, None, max(predicted.shape[1] // 50, 1))
        _checked(predicted[:, some], target[:, some])
    else:
        _checked(predicted, target)
    difference = predicted - target
    if centred:
        mean = difference.mean(axis=1, keepdims=True, dtype=np.float64)
        difference = difference - mean.astype(difference.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        distances = np.sqrt(np.einsum("nvc,nvc->nv", difference, difference))
        # Both meshes within the plausible radius: two such distances differ by four radii at most.
        spread = distances.max(axis=1, initial=0.0) - distances.min(axis=1, initial=np.inf)
    wrong = ~(spread <= 4 * POSE_RADIUS_M.high)
    if wrong.any() and distances.shape[1]:
        raise DataError(f"a vertex of frame {np.argmax(wrong)} is not finite, or far from its mesh")
    return distances.mean(axis=1, dtype=np.float64)


def _aligned_errors(predicted: np.ndarray, target: np.ndarray, joints: Joints) -> np.ndarray:
    """`aligned_joint_errors` of joints that are checked."""
    rows = _rows(joints, predicted.shape[1])
    moved = fit_similarity(predicted[:, rows], target[:, rows]).apply(predicted)
    return np.linalg.norm(moved - target, axis=-1)


def _rooted(predicted: np.ndarray, target: np.ndarray, root: Root | None) -> np.ndarray:
    """Predicted less target after both are moved to `root`, (N, J, 3) metres; None moves nothing."""
    difference = predicted - target
    if root is None:
        return difference
    rows = _rows(np.atleast_1d(root), difference.shape[1])
    return difference - difference[:, rows].mean(axis=1, keepdims=True)


def _checked(predicted: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 (N, J, 3), finite and in metres."""
    predicted = real_array(predicted, "predicted").astype(np.float64, copy=False)
    target = real_array(target, "target").astype(np.float64, copy=False)
    if predicted.shape != target.shape or predicted.ndim != 3 or predicted.shape[2] != 3:
        raise ShapeError(
            f"predicted has shape {predicted.shape}, target {target.shape}; expected (N, J, 3) twice"
        )
    _require_metres(predicted, "predicted")
    _require_metres(target, "target")
    return predicted, target


def _require_metres(points: np.ndarray, name: str) -> None:
    """Refuse points (N, J, 3) of a frame that are not finite, or wider than any person in metres."""
    require_finite(points, name)
    if not points.size:
        return
    # No point is far from the mean of points that lie in a small cube.
    low, high = ends_from(points, 0)
    if high - low <= POSE_RADIUS_M.high / np.sqrt(3):
        return
    POSE_RADIUS_M.require_each(
        lengths(points - points.mean(axis=1, keepdims=True)).max(axis=1),
        f"{name} reaches {{length}} from its mean at frame {{frame}}",
        "the unit is metres: divide millimetres by 1000, and leave out poses that diverged",
    )


def _require_errors(errors: np.ndarray, threshold: float) -> None:
    """Refuse what are no distances (N, J) in metres, and a threshold that is none."""
    if errors.ndim != 2 or errors.shape[1] == 0:
        raise ShapeError(f"errors have shape {errors.shape}, expected (N, J) with at least one joint")
    require_finite(errors, "errors")
    if errors.min(initial=0.0) < 0 or not 0 <= threshold < np.inf:
        raise DataError(
            f"errors go down to {errors.min(initial=0.0):g} and the threshold is {threshold}, expected "
            "distances in metres, from 0"
        )


def _share_nearer(errors: np.ndarray, threshold: float) -> np.ndarray:
    """Share of joints nearer than `threshold`, (N, J) -> (N,)."""
    return (errors < threshold).mean(axis=1)


def _rows(joints: Joints, count: int) -> np.ndarray:
    """The selected rows as indices, refused where they do not exist."""
    return np.arange(count) if joints is None else indices(joints, count, "joint rows")
