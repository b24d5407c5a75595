"""Comparison with the truth of the open data set (rule diagnose): the one place that reads it.

A row of the result is a mean over frames. `method` is who made the bodies: `truth`, a pose estimator,
or for masks the segmentation method; `variant` is the refinement, `regressor` who read the joints.
What does not apply is `-`.
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
from jointreg.errors import ShapeError
from jointreg.evaluation.agreement import mask_iou
from jointreg.evaluation.evaluate import evaluate
from jointreg.files.text_table import text_table
from jointreg.regressor.apply import regressed_joints
from jointreg.silhouette.meshes import mesh_coverage
from jointreg.skeleton import PELVIS

COLUMNS = ("method", "variant", "regressor", "metric", "value", "unit")
"""Columns of diagnostics.csv; (method, variant, regressor, metric) stands once."""

TRUTH, NONE, ORACLE = "truth", "-", "true"

UNITS: dict[str, str] = {"iou": "1", "ratio": "1", "share": "1", "bias": "px"}
"""Unit by a word in the metric's name; all others are millimetres."""

BODY_METRICS = ("vertex_error", "vertex_error_centred", "t_pose_error")
BODIES = (*BODY_METRICS, "body_joint_error", "rendered_iou_with_true_mask")
"""What the variants are compared by."""


@dataclass(frozen=True)
class Case:
    """One subject and action: what the pipeline made and what is true, the same frames in each."""

    split: str
    """`train` or `test`."""
    frames: Mapping[str, np.ndarray]
    """joints_cam (N, 17, 3), crop_intrinsics (N, 3, 3) and take (N,), as `stores.FRAMES`."""
    truth: Mapping[str, np.ndarray]
    """The true bodies, camera frame, as `stores.BODIES`."""
    masks: Mapping[str, np.ndarray] | None
    """As `stores.MASKS`; None where nothing was segmented."""
    mask_method: str
    true_masks: np.ndarray | None
    """True coverage of the crops, (N, S, S) uint8, share x 255; where `masks` is."""
    estimates: Mapping[str, Mapping[str, np.ndarray]]
    """Method -> its bodies, as `stores.BODIES`."""
    refined: Mapping[str, Mapping[str, np.ndarray]]
    """Variant -> refined bodies of the initial method; empty where nothing was refined."""


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found."""

    rows: list[dict[str, Any]]
    """diagnostics.csv: keys `COLUMNS`."""
    variants: list[dict[str, Any]]
    """variants.csv: keys `diagnosis.variants.COLUMNS`."""


class Tally:
    """Per-frame values under their key; the mean of each is one row."""

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

    Rows of `truth`, held-out frames (and, with the suffix `_train`, the frames of the fit): distance of
    the joints that a regressor reads off the true bodies from the true joints (true regressor, same
    bodies) and from the labels (which carry each subject's label offset), mean over all 17 joints,
    absolute and after root alignment. Rows of methods: errors with the true regressor under the
    protocol, held-out frames. Rows of the initial method's bodies, before (`-`) and after refinement,
    training frames: vertex error, T-pose error of the shape, distance of the true regressor's joints
    from the true ones, IoU with masks. Then differences.

    Args:
        body: the body model.
        cases: all subjects and actions.
        regressors: std, spin and opt_<variant> -> weights (17, V), or objects with such `weights`.
        true_regressor: J_true, (17, V).
        initial: the method whose bodies were refined.
        protocol: for the errors of the methods.

    """
    tally = Tally()
    clusters: list[np.ndarray] = []
    readers = {
        **{name: getattr(r, "weights", r) for name, r in regressors.items()},
        ORACLE: true_regressor,
    }
    for case in cases:
        _check(case)
        _regressors_on_true_bodies(tally, body, case, readers)
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
    known = compared and settings.REFERENCE in {name for name, _ in compared}
    beside = variants.variant_rows(compared, np.concatenate(clusters), units) if known else []
    return Diagnosis(rows, beside)


def as_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as aligned lines for a terminal."""
    lines = [(*list(row.values())[:4], f"{row['value']:.2f}", row["unit"]) for row in rows]
    return text_table([COLUMNS, *lines], "llllr") + "\n"


def _regressors_on_true_bodies(
    tally: Tally, body: Body, case: Case, readers: Mapping[str, np.ndarray]
) -> None:
    truth = case.truth
    joints = regressed_joints(body, truth["rotations"], truth["betas"], readers, truth["translation"])
    true_joints = joints[-1]
    suffix = "" if case.split == "test" else "_train"
    for name, found in zip(readers, joints, strict=True):
        variant, regressor = _split_name(name)
        for target, against in (("true_joints", true_joints), ("labels", case.frames["joints_cam"])):
            if name == ORACLE and target == "true_joints":
                continue
            for root, kind in ((None, ""), (PELVIS, "_root_aligned")):
                values = metrics.joint_errors(found, against, root).mean(axis=1) * 1000
                tally.add(TRUTH, variant, regressor, f"joint_error_{target}{kind}{suffix}", values)


def _methods_with_true_regressor(
    tally: Tally, body: Body, case: Case, true_regressor: np.ndarray, protocol: Evaluate
) -> None:
    from jointreg.evaluation.evaluate import protocol_joints

    used = protocol_joints(protocol)
    for method, bodies in case.estimates.items():
        errors = evaluate(body, bodies, case.frames["joints_cam"], {ORACLE: true_regressor}, protocol)
        for metric, values in errors._asdict().items():
            tally.add(method, NONE, ORACLE, metric, values[0][:, used].mean(axis=1) * 1000)


def _masks(tally: Tally, method: str, masks: Mapping[str, np.ndarray], true_masks: np.ndarray) -> None:
    """Overlap and boundary bias of the frames that have a mask, and the share that has none."""
    from jointreg.segmentation.quality import mask_quality

    seen = np.asarray(masks["score"]) > 0
    tally.add(method, NONE, NONE, "share_without_mask", ~seen)
    quality = [mask_quality(*pair) for pair in zip(masks["masks"][seen], true_masks[seen], strict=True)]
    iou, bias = np.array(quality).reshape(-1, 2).T
    tally.add(method, NONE, NONE, "mask_iou", iou)
    tally.add(method, NONE, NONE, "mask_boundary_bias", bias)
    tally.add(method, NONE, NONE, "mask_boundary_bias_absolute", np.abs(bias))


def _bodies(tally: Tally, body: Body, case: Case, initial: str, true_regressor: np.ndarray) -> None:
    """Vertex, shape, joint and silhouette errors of initial and refined bodies."""
    if case.masks is None or case.true_masks is None:
        raise ShapeError("refined bodies without masks", "give the masks that they were refined with")
    true_mesh, true_shape = _mesh(body, case.truth), _t_pose(body, case.truth["betas"])
    true_joints = true_regressor @ true_mesh
    seen = np.asarray(case.masks["score"]) > 0
    for variant, bodies in {NONE: case.estimates[initial], **case.refined}.items():
        mesh, shape = _mesh(body, bodies), _t_pose(body, bodies["betas"])
        covered = mesh_coverage(
            mesh, body.faces, case.frames["crop_intrinsics"], case.true_masks.shape[1]
        )
        for metric, values in {
            "vertex_error": metrics.vertex_error(mesh, true_mesh) * 1000,
            "vertex_error_centred": metrics.vertex_error(mesh, true_mesh, centred=True) * 1000,
            "t_pose_error": metrics.vertex_error(shape, true_shape, centred=True) * 1000,
            "body_joint_error": metrics.joint_errors(true_regressor @ mesh, true_joints, None).mean(
                axis=1
            )
            * 1000,
            "rendered_iou_with_mask": np.where(seen, mask_iou(covered, case.masks["masks"]), np.nan),
            "rendered_iou_with_true_mask": mask_iou(covered, case.true_masks),
        }.items():
            tally.add(initial, variant, NONE, metric, values)


def _differences(
    means: Mapping[tuple[str, str, str, str], float], initial: str
) -> dict[tuple[str, str, str, str], float]:
    """What one looks for first.

    `..._ratio`: refined over initial. `..._gain_over_spin`: J_spin's error less J_opt's. The effect of
    the discriminator, `..._discriminator_effect`: full less no_discriminator, negative for less error.
    """
    found = {}
    for (method, variant, regressor, metric), value in means.items():
        before = means.get((method, NONE, regressor, metric))
        if method == initial and metric in BODY_METRICS and variant != NONE and before:
            found[method, variant, regressor, f"{metric}_ratio"] = value / before
        spin = means.get((TRUTH, NONE, "spin", metric))
        if method == TRUTH and regressor == "opt" and spin is not None:
            found[method, variant, regressor, f"{metric}_gain_over_spin"] = spin - value
        without = means.get((method, "no_discriminator", regressor, metric))
        if variant == settings.REFERENCE and without is not None:
            found[method, variant, regressor, f"{metric}_discriminator_effect"] = value - without
    return {key: value for key, value in found.items() if "_train_" not in key[3]}


def _mesh(body: Body, bodies: Mapping[str, np.ndarray]) -> np.ndarray:
    return body.vertices(bodies["rotations"], bodies["betas"], bodies["translation"])


def _t_pose(body: Body, betas: np.ndarray) -> np.ndarray:
    """Vertices in T-pose, (N, V, 3): neither pose offsets nor bones move them."""
    return body.template + np.einsum("nb,vcb->nvc", betas, body.shape_directions)


def _split_name(regressor: str) -> tuple[str, str]:
    """`opt_full` -> (`full`, `opt`); others have no variant."""
    if regressor.startswith("opt_"):
        return regressor.removeprefix("opt_"), "opt"
    return NONE, regressor


def _unit(metric: str) -> str:
    return next((unit for word, unit in UNITS.items() if word in metric.split("_")), "mm")


def _check(case: Case) -> None:
    count = len(case.frames["joints_cam"])
    lengths = {"truth": len(case.truth["betas"])}
    if case.masks is not None and case.true_masks is not None:
        lengths |= {"true masks": len(case.true_masks), "masks": len(case.masks["masks"])}
    for name, bodies in {**case.estimates, **case.refined}.items():
        lengths[name] = len(bodies["betas"])
    wrong = {name: length for name, length in lengths.items() if length != count}
    if wrong:
        raise ShapeError(f"diagnose: {count} frames, but {wrong}", "rerun the older stage")
