"""Score a file of predicted bodies against a file of labels: `jointreg evaluate`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jointreg import metrics, stores
from jointreg.body.model import Body
from jointreg.config.settings import Evaluate
from jointreg.errors import DataError
from jointreg.evaluation.evaluate import METRICS, evaluate, joints_in_words, protocol_joints
from jointreg.files.pickles import read_npz
from jointreg.files.text_table import text_table
from jointreg.predictions.bodies import match_predictions, read_predictions
from jointreg.skeleton import H36M_17, rows
from jointreg.stores.schema import Record

IDENTITY = ("take", "camera", "frame")


def read_labels(path: str | Path) -> Record:
    """Labels as `joints_cam`, (N, 17, 3) metres, camera frame, order `H36M_17`.

    Args:
        path: an npz with `joints_cam`; with `take`, `camera` and `frame` rows are matched by them as
            in docs/methods.md, with `joint_names` joints are reordered. Or a store of `prepare`.

    Raises:
        DataError: missing, not readable, or arrays of other shapes.
        StoreError: a damaged store.
    """
    path = Path(path)
    if path.name.endswith(".zarr.zip"):
        return stores.FRAMES.read(path, only=["joints_cam", *IDENTITY])
    if not path.is_file():
        raise DataError(f"label file {path} does not exist", "see docs/exchange.md for the format")
    arrays = read_npz(path.read_bytes(), str(path))
    joints = arrays.get("joints_cam")
    if joints is None or joints.ndim != 3 or joints.shape[1:] != (len(H36M_17), 3):
        found = f"arrays {sorted(arrays)}" if joints is None else f"joints_cam of shape {joints.shape}"
        raise DataError(f"{path} has {found}, expected joints_cam of shape (N, {len(H36M_17)}, 3)")
    if "joint_names" in arrays:
        names = tuple(str(name) for name in arrays["joint_names"])
        if sorted(names) != sorted(H36M_17):
            raise DataError(f"{path}: joint_names are {names}, expected the 17 of skeleton.H36M_17")
        joints = joints[:, rows(H36M_17, names)]
    given = [key for key in IDENTITY if key in arrays]
    if not given:
        return Record({"joints_cam": joints}, {})
    wrong = [key for key in IDENTITY if key not in given or arrays[key].shape != (len(joints),)]
    if wrong:
        raise DataError(
            f"{path}: {', '.join(wrong)} missing or not one a row ({len(joints)} rows)",
            "give all of take, camera and frame, or none of them",
        )
    takes, take = np.unique(arrays["take"].astype(str), return_inverse=True)
    cameras, camera = np.unique(arrays["camera"].astype(str), return_inverse=True)
    return Record(
        {"joints_cam": joints, "take": take, "camera": camera, "frame": arrays["frame"]},
        {"take_names": takes.tolist(), "camera_names": cameras.tolist()},
    )


def score(
    body: Body,
    predictions: str | Path,
    labels: str | Path,
    regressors: Mapping[str, Any],
    protocol: Evaluate,
) -> tuple[dict[str, dict[str, float]], int]:
    """Means over all labelled frames.

    Args:
        body: the body of the predictions and of the regressors.
        predictions: npz of docs/methods.md.
        labels: as `read_labels`.
        regressors: name -> regressor.
        protocol: joints and root; the mean runs over frames.

    Returns:
        Regressor -> metric of `evaluation.evaluate.METRICS` -> value, mm or percent; and the number
        of frames.

    Raises:
        DataError: a file is wrong, or a labelled frame has no prediction.
        ShapeError, UnitError: as `metrics.mpjpe`.
    """
    truth = read_labels(labels)
    found = read_predictions(predictions, body)
    count = len(truth.joints_cam)
    if count == 0:
        raise DataError(f"{labels} holds no frames")
    if "frame" in truth and "frame" not in found:
        raise DataError(f"{predictions} lacks take, camera and frame, by which {labels} names its rows")
    if "frame" in truth:
        found = match_predictions(found, truth, str(predictions))
    elif len(found["rotations"]) != count:
        raise DataError(
            f"{predictions} has {len(found['rotations'])} rows, {labels} {count}",
            "labels without take, camera and frame are matched row by row: give the same rows",
        )
    errors = evaluate(body, found, truth.joints_cam, regressors, protocol)
    used = protocol_joints(protocol)
    means = {}
    for name, mpjpe, pa_mpjpe in zip(regressors, errors.mpjpe, errors.pa_mpjpe, strict=True):
        values = (
            1000 * mpjpe[:, used].mean(),
            1000 * pa_mpjpe[:, used].mean(),
            100 * metrics.pck(mpjpe[:, used]).mean(),
            100 * metrics.auc(mpjpe[:, used]).mean(),
        )
        means[name] = dict(zip(METRICS, map(float, values), strict=True))
    return means, count


def score_text(means: Mapping[str, Mapping[str, float]], frames: int, protocol: Evaluate) -> str:
    """The means as aligned text, and the protocol in words."""
    columns = ("regressor", "MPJPE mm", "PA-MPJPE mm", "PCK@150 %", "AUC %")
    rows = [(name, *(f"{values[metric]:.2f}" for metric in METRICS)) for name, values in means.items()]
    return "\n".join(
        [
            text_table([columns, *rows], "lrrrr", rule=True),
            "",
            f"Protocol: {joints_in_words(protocol)}, mean over {frames} frames.",
            f"MPJPE, PCK and AUC (0-150 mm by 5 mm): both skeletons moved to {protocol.root}.",
            "PA-MPJPE: after the best similarity of each frame, on the same joints.",
        ]
    )
