"""Evaluation against the whole body, plain loops and planted errors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jointreg import metrics, stores
from jointreg.body import Body, load_body, model
from jointreg.body.joints import BATCH, regressed_joints
from jointreg.config import Evaluate
from jointreg.errors import ShapeError, StoreError
from jointreg.evaluation import evaluate
from jointreg.files.csv_rows import write_rows
from jointreg.geometry.rotations import from_axis_angle
from jointreg.skeleton import H36M_14, H36M_17, H36M_AS_SMPL, rows

PROTOCOL = Evaluate(joints=14, root="pelvis", average="frames")


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body("open")


def _bodies(count: int, seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    pose = 0.3 * generator.normal(size=(count, 24, 3))
    pose[:, 0] += [np.pi, 0, 0]
    return {
        "rotations": from_axis_angle(pose).astype(np.float32),
        "betas": generator.normal(size=(count, 10)).astype(np.float32),
        "translation": (generator.normal(size=(count, 3)) * 0.3 + [0, 0, 4.5]).astype(np.float32),
    }


@pytest.fixture(scope="module")
def regressors(body: Body) -> dict[str, np.ndarray]:
    """Sparse random regressors around the skeleton's joints."""
    weights_of = {}
    joints = body.rest_joints(np.zeros((1, 10)))[0]
    for seed, name in enumerate(("std", "spin", "opt_full")):
        generator = np.random.default_rng(seed)
        weights = np.zeros((17, body.n_vertices))
        for row, joint in enumerate(H36M_17):
            at = joints[body.joint_names.index(H36M_AS_SMPL[joint])]
            near = np.argsort(np.linalg.norm(body.template - at, axis=1))[:60]
            chosen = generator.choice(near, 12, replace=False)
            weights[row, chosen] = generator.dirichlet(np.ones(12))
        weights_of[name] = weights
    return weights_of


def test_a_part_of_the_body_poses_as_the_whole(body: Body) -> None:
    bodies = _bodies(5, 0)
    skeleton = np.flatnonzero(body.joint_regressor.any(axis=0))
    keep = np.union1d(np.arange(3, 6890, 97), skeleton)
    part = model.part_of(body, keep)
    np.testing.assert_allclose(
        part.vertices(**bodies), body.vertices(**bodies)[:, keep], atol=2e-6, rtol=0
    )
    with pytest.raises(ShapeError, match="carry the skeleton"):
        model.part_of(body, np.setdiff1d(keep, skeleton[:3]))


def test_regressed_joints_are_the_regressors_times_the_whole_mesh(
    body: Body, regressors: dict[str, np.ndarray]
) -> None:
    bodies = _bodies(BATCH + 3, 1)
    joints = regressed_joints(
        body, bodies["rotations"], bodies["betas"], regressors, bodies["translation"]
    )
    last = slice(-5, None)
    whole = body.vertices(**{key: value[last] for key, value in bodies.items()}).astype(np.float64)
    for index, weights in enumerate(regressors.values()):
        np.testing.assert_allclose(joints[index, last], weights @ whole, atol=3e-6)


def test_errors_equal_the_metrics_on_the_whole_mesh(
    body: Body, regressors: dict[str, np.ndarray]
) -> None:
    bodies, labelled = _bodies(12, 2), _bodies(12, 3)
    labels = regressors["std"] @ body.vertices(**labelled).astype(np.float64)
    errors = evaluate.evaluate(body, bodies, labels, regressors, PROTOCOL)
    assert errors.mpjpe.shape == errors.pa_mpjpe.shape == (3, 12, 17)
    used = rows(H36M_14)
    whole = body.vertices(**bodies).astype(np.float64)
    for index, weights in enumerate(regressors.values()):
        joints = weights @ whole
        np.testing.assert_allclose(
            errors.mpjpe[index][:, used].mean(axis=1),
            metrics.mpjpe(joints, labels, root=0, joints=used),
            atol=3e-6,
        )
        np.testing.assert_allclose(
            errors.pa_mpjpe[index][:, used].mean(axis=1),
            metrics.pa_mpjpe(joints, labels, joints=used),
            atol=3e-6,
        )


def test_the_regressor_that_made_the_labels_scores_zero(
    body: Body, regressors: dict[str, np.ndarray]
) -> None:
    bodies = _bodies(6, 4)
    labels = regressors["opt_full"] @ body.vertices(**bodies).astype(np.float64)
    errors = evaluate.evaluate(body, bodies, labels, regressors, PROTOCOL)
    assert errors.mpjpe[2].max() < 1e-5
    assert errors.mpjpe[0][:, 1:].mean() > 1e-3


def _subject(body: Body, labels_from: np.ndarray) -> dict[str, tuple[stores.Record, stores.Record]]:
    """Two actions with two takes and two cameras; the second action names its cameras the other way."""
    sequences = {}
    for seed, (action, cameras) in enumerate({"Walking": ["a", "b"], "Sitting": ["b", "a"]}.items()):
        bodies = _bodies(8, 20 + seed)
        index = {
            "take": np.repeat([0, 1], 4).astype(np.int16),
            "camera": np.tile([0, 1], 4).astype(np.int16),
            "frame": np.tile([0, 0, 5, 5], 2).astype(np.int32),
        }
        digest = stores.rows_digest(**index)
        labels = labels_from @ body.vertices(**_bodies(8, 40 + seed)).astype(np.float64)
        frames = stores.Record(
            {"joints_cam": labels.astype(np.float32), **index},
            {"rows": digest, "camera_names": cameras, "take_names": ["1", "2"]},
        )
        sequences[action] = (frames, stores.Record(bodies, {"rows": digest}))
    return sequences


def test_a_subject_goes_through_the_store_and_into_tidy_rows(
    body: Body, regressors: dict[str, np.ndarray], tmp_path: Path
) -> None:
    sequences = _subject(body, regressors["std"])
    arrays, facts = evaluate.evaluate_subject(body, sequences, regressors, PROTOCOL)
    stores.ERRORS.write(tmp_path / "e.zarr.zip", arrays, attrs=facts)
    record = stores.ERRORS.read(tmp_path / "e.zarr.zip")
    table = evaluate.tidy_rows(record, record.attrs, method="sim_spin", subject="S9")
    write_rows(tmp_path / "e.csv", table, evaluate.COLUMNS)
    back = pd.read_csv(tmp_path / "e.csv", dtype={"take": str})
    assert list(back.columns) == list(evaluate.COLUMNS)
    assert len(back) == 3 * 2 * 2 * len(evaluate.METRICS)

    frames, bodies = sequences["Sitting"]
    second_take = slice(4, 8)
    joints = regressors["spin"] @ body.vertices(**bodies)[second_take].astype(np.float64)
    labels = frames["joints_cam"][second_take]
    expected = {
        "mpjpe": metrics.mpjpe(joints, labels, joints=rows(H36M_14)).mean() * 1000,
        "pa_mpjpe": metrics.pa_mpjpe(joints, labels, joints=rows(H36M_14)).mean() * 1000,
        "pck150": metrics.pck(metrics.joint_errors(joints, labels)[:, rows(H36M_14)]).mean() * 100,
        "auc": metrics.auc(metrics.joint_errors(joints, labels)[:, rows(H36M_14)]).mean() * 100,
    }
    chosen = back[(back.regressor == "spin") & (back.action == "Sitting") & (back["take"] == "2")]
    for metric, value in expected.items():
        row = chosen[chosen.metric == metric].iloc[0]
        unit = "value_mm" if metric.endswith("mpjpe") else "value_percent"
        assert row[unit] == pytest.approx(value, abs=5e-3)
        assert np.isnan(row["value_percent" if unit == "value_mm" else "value_mm"])
        assert row["frames"] == 4
        assert (row["method"], row["subject"]) == ("sim_spin", "S9")


def test_cameras_keep_their_names_where_actions_order_them_differently(
    body: Body, regressors: dict[str, np.ndarray]
) -> None:
    arrays, facts = evaluate.evaluate_subject(
        body, _subject(body, regressors["std"]), regressors, PROTOCOL
    )
    names = np.array(facts["camera_names"])[arrays["camera"]].reshape(2, 8)
    np.testing.assert_array_equal(names[0], ["a", "b"] * 4)
    np.testing.assert_array_equal(names[1], ["b", "a"] * 4)


def test_seventeen_joints_count_the_pelvis(body: Body, regressors: dict[str, np.ndarray]) -> None:
    sequences = _subject(body, regressors["std"])
    protocol = Evaluate(joints=17, root="pelvis", average="frames")
    arrays, facts = evaluate.evaluate_subject(body, sequences, regressors, protocol)
    np.testing.assert_array_equal(arrays["mpjpe"][:, :, 0], 0)
    table = evaluate.tidy_rows(arrays, facts, method="m", subject="S9")
    expected = 1000 * arrays["mpjpe"][0, :4].mean()
    assert table[0]["value_mm"] == pytest.approx(expected, rel=1e-6)


def test_frames_and_bodies_of_other_rows_are_refused(
    body: Body, regressors: dict[str, np.ndarray]
) -> None:
    sequences = _subject(body, regressors["std"])
    _, bodies = sequences["Walking"]
    bodies.attrs["rows"] = "another"
    with pytest.raises(StoreError, match="Walking"):
        evaluate.evaluate_subject(body, sequences, regressors, PROTOCOL)


def test_a_regressor_of_another_mesh_is_refused(body: Body) -> None:
    bodies = _bodies(2, 0)
    with pytest.raises(ShapeError, match=r"'spin' has shape \(17, 431\), expected \(17, 6890\)"):
        regressed_joints(
            body,
            bodies["rotations"],
            bodies["betas"],
            {"std": np.zeros((17, 6890)), "spin": np.zeros((17, 431))},
        )
