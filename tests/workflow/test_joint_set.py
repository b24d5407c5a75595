"""The whole workflow on labels of fifteen joints of one's own, without a pelvis."""

import csv
import shutil

import numpy as np
import pytest
from dry_run import copy_project, planned, snakemake
from own_joints import JOINTS, RUN, labels_of, write_own_joints

from jointreg import stores
from jointreg.body import load_body
from jointreg.regressor import load_fitted


@pytest.fixture(scope="module")
def own(finished, tmp_path_factory, root):
    """The run `all` in a folder without the truth of the open data."""
    folder = copy_project(root, tmp_path_factory.mktemp("own_joints"))
    shutil.copytree(finished / "data", folder / "data", ignore=shutil.ignore_patterns("truth"))
    write_own_joints(folder)
    snakemake(folder, *RUN)
    return folder


def test_all_is_made_and_nothing_is_left_to_do(own):
    assert not planned(own, *RUN)
    assert not (own / "data/tiny/truth").exists()
    assert (own / "results/own_joints/report.html").is_file()
    assert (own / "results/own_joints/export/J_spin/J_regressor.npz").is_file()


def test_the_errors_are_those_of_the_labels_by_name(own):
    """Second computation: the fitted regressor on the stored bodies, moved to the neck."""
    body = load_body("open")
    labels, facts = labels_of(own, "S9")
    bodies = stores.BODIES.read(own / "results/own_joints/estimate/keypoints/S9/Walking.zarr.zip")
    fitted = load_fitted(own / "results/own_joints/fit_regressor_opt/J_opt_full.npy", body)
    assert facts["joint_names"] == list(fitted.joint_names) == JOINTS
    joints = fitted.weights @ body.vertices(bodies.rotations, bodies.betas)
    neck = JOINTS.index("neck")
    error = np.linalg.norm(joints - joints[:, [neck]] - (labels - labels[:, [neck]]), axis=-1)
    with (own / "results/own_joints/tables/by_joint.csv").open() as stream:
        table = {
            row["joint"]: float(row["value_mm"])
            for row in csv.DictReader(stream)
            if row["regressor"] == "opt" and row["metric"] == "mpjpe"
        }
    expected = dict(zip(JOINTS, 1000 * error.mean(axis=0), strict=True))
    assert {name: table[name] for name in JOINTS} == pytest.approx(expected, abs=1e-3)
    assert table["mean"] == pytest.approx(1000 * error.mean(), abs=1e-3)
    assert 5 < table["mean"] < 60


def test_both_sides_of_the_regressor_are_alike(own):
    body = load_body("open")
    fitted = load_fitted(own / "results/own_joints/fit_regressor_spin/J_spin.npy", body)
    left, right = (JOINTS.index(f"{side} wrist") for side in ("l", "r"))
    assert np.array_equal(fitted.weights[left], fitted.weights[right, body.mirror])
