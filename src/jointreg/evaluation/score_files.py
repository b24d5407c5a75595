"""Score a file of predictions against a file of truth: `jointreg evaluate`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jointreg import metrics
from jointreg.body.model import Body
from jointreg.datasets.poses import UPRIGHT_RAD, legs_crossed, require_same_sides
from jointreg.errors import DataError
from jointreg.evaluation.disagreement import out_of_step, require_not_mirrored, suspicions
from jointreg.evaluation.matching import matched_rows
from jointreg.evaluation.presets import Protocol
from jointreg.evaluation.sides import KINDS, Side
from jointreg.evaluation.truth_files import read_truth
from jointreg.files.input import ABSENT, absence
from jointreg.predictions.bodies import check_bodies, read_predictions
from jointreg.predictions.rows import IDENTITY, require_numbers
from jointreg.predictions.vertices import LONGEST_EDGES
from jointreg.skeleton import H36M_17
from jointreg.stores.schema import Record

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ROWS_CHECKED = 500
"""Rows, spread evenly, on which the frames of reference are compared: their median decides."""

BODIES_CHECKED = 100
"""Of them those whose skeletons are posed for it."""

VERTICES_CHECKED = 200
"""Vertices on which the order of two meshes is compared."""

AS_GIVEN = "as given"
"""In place of a regressor's name where both sides are joints."""


class Pair(NamedTuple):
    """Predictions and truth of the same frames."""

    predicted: Side
    truth: Side
    times: np.ndarray | None
    """Take, camera and frame of each row, (N, 3) int; None where the rows have no order in time."""


class Scores(NamedTuple):
    """Errors of one pair."""

    means: dict[str, dict[str, float]]
    """Regressor -> metric -> mean over frames: mm; percent for pck150 and auc; acceleration as
    `evaluation.presets.Protocol.frame_rate` says. A metric that the sides do not allow is missing."""
    joints: dict[str, dict[str, np.ndarray]]
    """Regressor -> mpjpe, pa_mpjpe and perhaps acceleration -> one for each joint of the set, (J,)."""
    frames: int
    accelerations: int
    """Frames with an acceleration error."""


def read_pair(
    predictions: str | Path,
    truth: str | Path,
    protocol: Protocol,
    body: Body | None,
    truth_body: Body | None = None,
    *,
    kind: str = "",
    track: str = "",
    truth_track: str = "",
    truth_body_file: str = "",
    truth_camera: str = "",
    maps: "tuple[csr_array | None, csr_array | None]" = (None, None),
    note: Callable[[str], None] = print,
) -> Pair:
    """Both sides, in the rows of the truth.

    Args:
        predictions: a file of docs/methods.md: bodies, meshes or joints.
        truth: as `evaluation.truth_files.read_truth`.
        protocol: names the joints of joints.
        body: of the predictions; None if they need none.
        truth_body: of the truth; None if it needs none.
        kind: predictions, vertices or joints; empty: what the file shows.
        track: the person of several in the file of predictions, as the tool numbers them.
        truth_track: the person of several in the file of truth.
        truth_body_file: file of `truth_body`, for truth of SMPL-X with fingers.
        truth_camera: calibration file, for truth in the room's frame.
        maps: of predictions and truth, each from the side's own meshes to those of the other side.
        note: is told what is assumed and left out.

    Raises:
        DataError: a file or a map is wrong, the rows of the two cannot be matched, or a frame of the
            truth has no prediction.
        UnitError: neither metres nor millimetres.
    """
    gone = [file for file in map(Path, (predictions, truth)) if not file.exists()]
    missing = [str(file) for file in gone if absence(file) == ABSENT]
    if missing:
        raise DataError(f"there is no file {' and no file '.join(missing):.600}", "check the path")
    true = read_truth(
        truth,
        protocol.joints,
        truth_body,
        truth_track,
        note,
        body_file=truth_body_file,
        camera=truth_camera,
    )
    names = protocol.joints.joints
    arrays = read_predictions(predictions, body, track, kind=kind, names=names, note=note, may_lack=True)
    matched = matched_rows(arrays, true, str(predictions), str(truth), note)
    used = (*KINDS, "betas")
    read = {key: matched[key] for key in used if key in matched}
    cure = f"predict these frames, or leave them out of {truth}: NaN in its joints does"
    require_numbers(read, str(predictions), "labelled row", true.get("row"), cure)
    content = {"joints": true["joints_cam"]} if "joints_cam" in true else dict(true)
    pair = Pair(
        Side(str(predictions), read, body, maps[0]),
        Side(str(truth), {k: v for k, v in content.items() if k in used}, truth_body, maps[1]),
        _times(true),
    )
    for side in pair[:2]:
        side.require_map()
    return pair


def score(
    pair: Pair,
    regressors: Mapping[str, np.ndarray],
    truth_regressors: Mapping[str, np.ndarray],
    protocol: Protocol,
    note: Callable[[str], None] = print,
) -> Scores:
    """Errors of one pair by every regressor.

    Args:
        pair: from `read_pair`.
        regressors: name -> weights (J, V) for the predictions. Empty where they are joints.
        truth_regressors: the same for the truth; one for all of `regressors`, or one for each. Empty
            where it is joints.
        protocol: joints, root and metrics.
        note: is told of metrics that are left out, and of sides that disagree.

    Raises:
        DataError: a regressor of another mesh, or predictions in another frame of reference.
        ShapeError, UnitError: as `metrics.mpjpe`.
    """
    predicted, true = pair.predicted.joints(regressors), pair.truth.joints(truth_regressors)
    names = list(regressors if pair.predicted.kind != "joints" else truth_regressors) or [AS_GIVEN]
    predicted, true = (
        np.broadcast_to(side, (len(names), *side.shape[1:])) for side in (predicted, true)
    )
    root, counted = protocol.root_rows, protocol.counted_rows
    if pair.predicted.kind == "vertices" and pair.predicted.body is None:  # nothing else shows it
        _require_order_of_legs(names, predicted, protocol)
    _require_same_frame(pair, predicted[0], true[0], protocol, note)
    parts = consecutive(pair.times) if "acceleration" in protocol.metrics else []
    if "acceleration" in protocol.metrics and not parts:
        note("no three frames follow one another, so there is no acceleration error")
    meshes = "pve" in protocol.metrics and _same_meshes(pair, note)
    means, by_joint = {}, {}
    for row, name in enumerate(names):
        moved, aligned = metrics.both_errors(predicted[row], true[row], root, counted)
        values = {
            "mpjpe": 1000 * moved[:, counted].mean(),
            "pa_mpjpe": 1000 * aligned[:, counted].mean(),
            "pck150": 100 * metrics.pck(moved[:, counted]).mean(),
            "auc": 100 * metrics.auc(moved[:, counted]).mean(),
        }
        joints = {"mpjpe": 1000 * moved.mean(axis=0), "pa_mpjpe": 1000 * aligned.mean(axis=0)}
        if meshes:
            roots = (side[row][:, root].mean(axis=1) for side in (predicted, true))
            values["pve"] = 1000 * _vertex_errors(pair, *roots).mean()
        if parts:
            errors = np.concatenate(
                [
                    metrics.acceleration_errors(predicted[row][one], true[row][one], root) / step**2
                    for one, step in parts
                ]
            )
            factor = protocol.frame_rate**2 if protocol.frame_rate else 1000.0
            values["acceleration"] = factor * errors[:, counted].mean()
            joints["acceleration"] = factor * errors.mean(axis=0)
        means[name] = {key: float(values[key]) for key in protocol.metrics if key in values}
        by_joint[name] = {key: joints[key] for key in protocol.metrics if key in joints}
    return Scores(means, by_joint, len(true[0]), sum(len(one) - 2 for one, _ in parts))


def _require_order_of_legs(names: list[str], joints: np.ndarray, protocol: Protocol) -> None:
    """Refuse regressors of Human3.6M's joints whose rows were taken to begin with the other leg.

    Args:
        names: of the regressors, R.
        joints: that they read, (R, N, J, 3).
        protocol: whose joints they are.
    """
    for name, read in zip(names, joints, strict=True):
        if protocol.joints.joints == H36M_17 and legs_crossed(read):
            raise DataError(
                f"regressor {name}: its hips lie crossed to its shoulders, so the other leg comes first",
                "name the order of its rows: --joints h36m_17 (left leg first) or h36m_17_right_first",
            )


def _vertex_errors(pair: Pair, predicted_root: np.ndarray, true_root: np.ndarray) -> np.ndarray:
    """Mean distance of vertices after both meshes are moved to their roots (N, 3), (N,) metres."""
    errors, first = [], 0
    for predicted, true in zip(pair.predicted.meshes(), pair.truth.meshes(), strict=True):
        part = slice(first, first + len(true))
        errors.append(
            metrics.vertex_error(predicted - predicted_root[part, None], true - true_root[part, None])
        )
        first += len(true)
    return np.concatenate(errors)


def _same_meshes(pair: Pair, note: Callable[[str], None]) -> bool:
    """Whether vertices of both sides correspond; a note says why not."""
    sides = pair.predicted, pair.truth
    if any(side.kind == "joints" for side in sides):
        return False
    counts = {side.n_vertices for side in sides}
    topologies = {side.topology for side in sides} - {""}
    if (
        len(counts) == 1
        and len(topologies) < 2
        and _same_order(*(next(side.meshes()) for side in sides))
    ):
        return True
    note("the meshes of predictions and truth are not the same, so there is no vertex error (PVE)")
    return False


def _same_order(predicted: np.ndarray, true: np.ndarray) -> bool:
    """Whether vertices that are neighbours in one mesh are near in the other, meshes (N, V, 3).

    Meshes of two bodies may have as many vertices, and a file of meshes has no faces to compare.
    """
    some = np.arange(0, true.shape[1], max(true.shape[1] // VERTICES_CHECKED, 1))
    others = np.delete(np.arange(true.shape[1]), some)
    away = np.linalg.norm(true[0, some, None] - true[0, others], axis=-1)
    nearest = others[away.argmin(axis=1)]
    lengths = np.linalg.norm(predicted[0, some] - predicted[0, nearest], axis=-1)
    return bool(np.median(lengths) < LONGEST_EDGES * np.median(away.min(axis=1)))


def _require_same_frame(
    pair: Pair,
    predicted: np.ndarray,
    true: np.ndarray,
    protocol: Protocol,
    note: Callable[[str], None],
) -> None:
    """Refuse predictions in another frame of reference than the truth's, and mirrored ones."""
    some = np.unique(np.linspace(0, len(true) - 1, ROWS_CHECKED).round().astype(int))
    side, where, names = pair.predicted, pair.predicted.where, protocol.joints.joints
    ends = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    if side.kind == "rotations" and side.body and pair.truth.kind == "joints" and names == H36M_17:
        few = some[:: max(len(some) // BODIES_CHECKED, 1)]
        skeleton = side.body.joints(side.content["rotations"][few], side.content["betas"][few])
        check_bodies(skeleton, true[few], where, note)
    elif set(ends) <= set(names):
        trunks = [
            points[some][:, [names.index(end) for end in ends[2:]]].mean(axis=1)
            - points[some][:, [names.index(end) for end in ends[:2]]].mean(axis=1)
            for points in (predicted, true)
        ]
        lengths = np.prod([np.linalg.norm(trunk, axis=-1) for trunk in trunks], axis=0)
        cosine = (trunks[0] * trunks[1]).sum(axis=-1) / np.maximum(lengths, 1e-12)
        angle = float(np.median(np.arccos(np.clip(cosine, -1, 1))))
        if not angle < UPRIGHT_RAD:
            raise DataError(
                f"{where}: the trunk points {np.degrees(angle):.0f} degrees (median) away from that of "
                f"{pair.truth.where}, expected a few: another frame of reference, other rows, or joints "
                "of another set",
                "give both sides in the camera's frame: x right, y down, z forward",
            )
    if side.kind == "joints" and names == H36M_17:
        require_same_sides(predicted[some], true[some], where)
    compared, root = (predicted[some], true[some]), protocol.root_rows
    require_not_mirrored(*compared, np.array(protocol.joints.mirror), where)
    for sentence in out_of_step(predicted, true, root) or suspicions(*compared, root):
        note(f"{where}: {sentence}")


def _times(truth: Record) -> np.ndarray | None:
    """Take, camera and frame of each row, (N, 3) int."""
    if "imgname" in truth and "frame" not in truth:
        return None
    frame = truth["frame"] if "frame" in truth else truth["row"]
    none = np.zeros(len(frame), int)
    return np.stack([truth.get(key, none) for key in IDENTITY[:2]] + [frame], axis=1).astype(np.int64)


def consecutive(times: np.ndarray | None) -> list[tuple[np.ndarray, int]]:
    """Rows of frames that follow one another, at least three, and the frames from one to the next.

    Args:
        times: take, camera and frame of each row, (N, 3).
    """
    if times is None or len(times) < 3:
        return []
    order = np.lexsort(times.T[::-1])
    change = np.diff(times[order], axis=0)
    together = (change[:, :2] == 0).all(axis=1) & (change[:, 2] > 0)
    if not together.any():
        return []
    step = int(change[together, 2].min())
    ends = np.flatnonzero(~together | (change[:, 2] != step)) + 1
    return [(part, step) for part in np.split(order, ends) if len(part) > 2]
