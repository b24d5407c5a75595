"""Comparison of all results with the truth of the open data set (rule diagnose).

A row of the result is a mean over frames. `method` is the source of the bodies: `truth`, a pose
estimator, or for masks the segmentation method. `variant` is the refinement and `regressor` the
regressor of the joints. Columns that do not apply are `-`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointreg import metrics
from jointreg.body.model import Body
from jointreg.config import settings
from jointreg.config.settings import Evaluate
from jointreg.diagnosis import variants
from jointreg.diagnosis.cases import Case
from jointreg.diagnosis.true_bodies import t_pose
from jointreg.errors import ShapeError
from jointreg.evaluation.agreement import mask_iou
from jointreg.evaluation.evaluate import evaluate
from jointreg.evaluation.protocol import protocol_joints
from jointreg.files.text_table import text_table
from jointreg.geometry.volume import volume
from jointreg.segmentation.quality import mask_quality
from jointreg.silhouette.meshes import mesh_coverage
from jointreg.skeleton import PELVIS

COLUMNS = ("method", "variant", "regressor", "metric", "value", "unit")
"""Columns of diagnostics.csv; (method, variant, regressor, metric) is unique."""

TRUTH, NONE, ORACLE = "truth", "-", "true"

UNITS: dict[str, str] = {"iou": "1", "ratio": "1", "share": "1", "bias": "px"}
"""Unit of metrics with this word in their name. All others are in millimetres."""

BODY_METRICS = ("vertex_error", "vertex_error_centred", "t_pose_error")
BODIES = (*BODY_METRICS, "body_joint_error", "rendered_iou_with_true_mask")
"""Metrics by which variants are compared."""


@dataclass(frozen=True)
class Diagnosis:
    """Result of `diagnose`."""

    rows: list[dict[str, Any]]
    """diagnostics.csv: keys `COLUMNS`."""
    variants: list[dict[str, Any]]
    """variants.csv: keys `diagnosis.variants.COLUMNS`."""


class Tally:
    """Collects values of single frames by their key. The mean of each key is one row."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, str, str], list[np.ndarray]] = defaultdict(list)

    def of_bodies(self, method: str) -> dict[tuple[str, str], np.ndarray]:
        """(`initial` or variant, metric) -> values of the bodies of `method`, all frames, (N,)."""
        return {
            ("initial" if variant == NONE else variant, metric): np.concatenate(values)
            for (owner, variant, _, metric), values in self._values.items()
            if owner == method and metric in BODIES
        }

    def add(self, method: str, variant: str, regressor: str, metric: str, values: np.ndarray) -> None:
        """Append the values of some frames, (N,)."""
        self._values[method, variant, regressor, metric].append(np.asarray(values, dtype=np.float64))

    def means(self) -> dict[tuple[str, str, str, str], float]:
        """Mean over all frames of each key, in the order of first appearance; NaN values left out."""
        joined = {key: np.concatenate(values) for key, values in self._values.items()}
        return {key: float(np.nanmean(v)) for key, v in joined.items() if np.isfinite(v).any()}


def diagnose(
    body: Body,
    cases: Iterable[Case],
    regressors: Mapping[str, Any],
    true_regressor: np.ndarray,
    *,
    initial: str,
    protocol: Evaluate,
) -> Diagnosis:
    """Compare every result with the truth.

    Rows of `truth`: errors of the joints that each regressor gives on the true bodies. They are
    distances from the joints of the true regressor on the same bodies, and from the labels, which
    contain each subject's label offset. Means are over all 17 joints, absolute and after root alignment,
    on held-out frames; metrics with the suffix `_train` are on the frames of the fit.

    Rows of methods: errors with the true regressor under the protocol, on held-out frames.

    Rows of the initial method, before (`-`) and after refinement, on training frames: vertex error,
    T-pose error of the shape, its volume over the true one, distance of the true regressor's joints
    from the true joints, IoU with masks.

    Last come the differences of `_differences`.

    Args:
        body: the body model.
        cases: all subjects and actions.
        regressors: std, spin and opt_<variant> -> weights (17, V), or objects with such `weights`.
        true_regressor: J_true, (17, V).
        initial: the method whose bodies were refined.
        protocol: joints and root for the errors of the methods.

    Raises:
        ShapeError: results of a case differ in their number of frames, or refined bodies lack masks.
    """
    tally = Tally()
    clusters: list[np.ndarray] = []
    weights_of = {
        **{name: getattr(r, "weights", r) for name, r in regressors.items()},
        ORACLE: true_regressor,
    }
    for case in cases:
        _check(case)
        _regressors_on_true_bodies(tally, body, case, weights_of)
        if case.masks is not None and case.true_masks is not None:
            _masks(tally, case.mask_method, case.masks, case.true_masks)
        if case.split == "test":
            _methods_with_true_regressor(tally, body, case, true_regressor, protocol)
        if case.refined:
            _bodies(tally, body, case, initial, true_regressor)
            takes = np.asarray(case.frames["take"], dtype=np.int64)
            clusters.append(takes + (clusters[-1].max() + 1 if clusters else 0))
    means = tally.means()
    means |= _differences(means, initial)
    order = sorted(means, key=lambda key: (key[0] != TRUTH, key[0] != initial, key[0], key[3], key[1:3]))
    rows = [dict(zip(COLUMNS, (*key, means[key], _unit(key[3])), strict=True)) for key in order]
    compared = tally.of_bodies(initial)
    units = {metric: _unit(metric) for metric in BODIES}
    has_reference = compared and settings.REFERENCE in {name for name, _ in compared}
    by_variant = (
        variants.variant_rows(compared, np.concatenate(clusters), units) if has_reference else []
    )
    return Diagnosis(rows, by_variant)


def as_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as aligned lines for a terminal."""
    lines = [(*list(row.values())[:4], f"{row['value']:.2f}", row["unit"]) for row in rows]
    return text_table([COLUMNS, *lines], "llllr") + "\n"


def _regressors_on_true_bodies(
    tally: Tally, body: Body, case: Case, weights_of: Mapping[str, np.ndarray]
) -> None:
    joints = case.truth.joints(body, weights_of)
    true_joints = joints[-1]
    suffix = "" if case.split == "test" else "_train"
    for name, predicted in zip(weights_of, joints, strict=True):
        variant, regressor = _split_name(name)
        for target, against in (("true_joints", true_joints), ("labels", case.frames["joints_cam"])):
            if name == ORACLE and target == "true_joints":
                continue
            for root, kind in ((None, ""), (PELVIS, "_root_aligned")):
                values = metrics.joint_errors(predicted, against, root).mean(axis=1) * 1000
                tally.add(TRUTH, variant, regressor, f"joint_error_{target}{kind}{suffix}", values)


def _methods_with_true_regressor(
    tally: Tally, body: Body, case: Case, true_regressor: np.ndarray, protocol: Evaluate
) -> None:
    used = protocol_joints(protocol)
    for method, bodies in case.estimates.items():
        errors = evaluate(body, bodies, case.frames["joints_cam"], {ORACLE: true_regressor}, protocol)
        for metric, values in errors._asdict().items():
            tally.add(method, NONE, ORACLE, metric, values[0][:, used].mean(axis=1) * 1000)


def _masks(tally: Tally, method: str, masks: Mapping[str, np.ndarray], true_masks: np.ndarray) -> None:
    """Overlap and boundary bias of the frames with a mask, and the share of frames without one."""
    has_mask = np.asarray(masks["score"]) > 0
    tally.add(method, NONE, NONE, "share_without_mask", ~has_mask)
    pairs = zip(masks["masks"][has_mask], true_masks[has_mask], strict=True)
    quality = [mask_quality(*pair) for pair in pairs]
    iou, bias = np.array(quality).reshape(-1, 2).T
    tally.add(method, NONE, NONE, "mask_iou", iou)
    tally.add(method, NONE, NONE, "mask_boundary_bias", bias)
    tally.add(method, NONE, NONE, "mask_boundary_bias_absolute", np.abs(bias))


def _bodies(tally: Tally, body: Body, case: Case, initial: str, true_regressor: np.ndarray) -> None:
    """Vertex, shape, joint and silhouette errors of initial and refined bodies."""
    if case.masks is None or case.true_masks is None:
        raise ShapeError("refined bodies without masks", "give the masks of the refinement")
    true_mesh, true_shape = case.truth.vertices(body), case.truth.t_pose(body)
    true_joints = true_regressor @ true_mesh
    has_mask = np.asarray(case.masks["score"]) > 0
    for variant, bodies in {NONE: case.estimates[initial], **case.refined}.items():
        mesh, shape = body.vertices(**bodies), t_pose(body, bodies["betas"])
        covered = mesh_coverage(
            mesh, body.faces, case.frames["crop_intrinsics"], case.true_masks.shape[1]
        )
        for metric, values in {
            "vertex_error": metrics.vertex_error(mesh, true_mesh) * 1000,
            "vertex_error_centred": metrics.vertex_error(mesh, true_mesh, centred=True) * 1000,
            "t_pose_error": metrics.vertex_error(shape, true_shape, centred=True) * 1000,
            "volume_ratio": volume(shape, body.faces) / volume(true_shape, body.faces),
            "body_joint_error": metrics.joint_errors(true_regressor @ mesh, true_joints, None).mean(
                axis=1
            )
            * 1000,
            "rendered_iou_with_mask": np.where(has_mask, mask_iou(covered, case.masks["masks"]), np.nan),
            "rendered_iou_with_true_mask": mask_iou(covered, case.true_masks),
        }.items():
            tally.add(initial, variant, NONE, metric, values)


def _differences(
    means: Mapping[tuple[str, str, str, str], float], initial: str
) -> dict[tuple[str, str, str, str], float]:
    """Differences between rows, as rows of their own.

    `..._ratio`: error of the refined bodies divided by that of the initial bodies.
    `..._gain_over_spin`: error of J_spin minus error of J_opt.
    `..._discriminator_effect`: error of full minus error of no_discriminator, negative where the
    discriminator helps.
    """
    differences = {}
    for (method, variant, regressor, metric), value in means.items():
        before = means.get((method, NONE, regressor, metric))
        if method == initial and metric in BODY_METRICS and variant != NONE and before:
            differences[method, variant, regressor, f"{metric}_ratio"] = value / before
        spin = means.get((TRUTH, NONE, "spin", metric))
        if method == TRUTH and regressor == "opt" and spin is not None:
            differences[method, variant, regressor, f"{metric}_gain_over_spin"] = spin - value
        without = means.get((method, "no_discriminator", regressor, metric))
        if variant == settings.REFERENCE and without is not None:
            differences[method, variant, regressor, f"{metric}_discriminator_effect"] = value - without
    return {key: value for key, value in differences.items() if "_train_" not in key[3]}


def _split_name(regressor: str) -> tuple[str, str]:
    """`opt_full` -> (`full`, `opt`); others have no variant."""
    if regressor.startswith("opt_"):
        return regressor.removeprefix("opt_"), "opt"
    return NONE, regressor


def _unit(metric: str) -> str:
    return next((unit for word, unit in UNITS.items() if word in metric.split("_")), "mm")


def _check(case: Case) -> None:
    count = len(case.frames["joints_cam"])
    lengths = {"truth": len(case.truth)}
    if case.masks is not None and case.true_masks is not None:
        lengths |= {"true masks": len(case.true_masks), "masks": len(case.masks["masks"])}
    for name, bodies in {**case.estimates, **case.refined}.items():
        lengths[name] = len(bodies["betas"])
    wrong = {name: length for name, length in lengths.items() if length != count}
    if wrong:
        raise ShapeError(f"diagnose: {count} frames, but {wrong}", "rerun the stages of these results")
