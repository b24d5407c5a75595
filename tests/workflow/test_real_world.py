"""config/open_real.yaml on one subject of the tiny run: the generator's rules, everything on."""

import json

import cdflib
import numpy as np
import pytest
from dry_run import copy_project, planned, snakemake

from jointreg.body import load_body
from jointreg.config import load, read_yaml
from jointreg.exchange.regressor_files import load_regressor
from jointreg.skeleton import H36M_17_IN_32
from jointreg.synthetic.truth import read_bodies, read_vertices

WORLD = ("--configfile", "config/open.yaml", "config/open_real.yaml", "tests/tiny/config.yaml")
RAW, TRUTH = "data/tiny/human36m", "data/tiny/truth"


@pytest.fixture(scope="module")
def generated(tmp_path_factory, root):
    folder = copy_project(root, tmp_path_factory.mktemp("real_world"))
    snakemake(folder, f"{TRUTH}/S5/files.json", *WORLD)
    return folder


def test_everything_is_on(root):
    names = ("config.yaml", "open.yaml", "open_real.yaml")
    plain, real = (
        load(read_yaml(*(root / "config" / name for name in some))).synthesize
        for some in (names[:2], names)
    )
    for key in ("people", "clothes", "joints", "markers", "furniture"):
        assert getattr(real, key) != getattr(plain, key)
    assert real.clothes == "loose"


def test_the_rest_of_the_workflow_can_be_planned(generated):
    jobs = planned(generated, *WORLD)
    assert jobs["synthesize"] == 2
    assert {"prepare", "segment", "optimize_training", "evaluate", "diagnose"} <= set(jobs)


def test_labels_lie_on_the_true_vertices_but_for_what_moves_them(generated):
    true = load_regressor(generated / TRUTH / "J_true.npy", load_body("open")).weights
    vertices = read_vertices(generated / TRUTH, "S5", "Walking")["vertices"].astype(np.float64)
    pose = cdflib.CDF(generated / RAW / "S5/MyPoseFeatures/D3_Positions/Walking 1.cdf").varget("Pose")
    labels = np.asarray(pose)[0].reshape(8, 32, 3)[:, list(H36M_17_IN_32)] / 1000
    error = np.linalg.norm(labels - true @ vertices, axis=-1)
    # The constant offset of 3 to 9 mm, slides of up to 10 mm a radian, and wandering of 2 mm an axis.
    assert 0.004 < error.mean() < 0.02
    assert error.max() < 0.06
    assert error.std(axis=0).max() > 0.001
    hips = labels[:, 1] - labels[:, 4]
    assert 0.2 < np.linalg.norm(hips, axis=1).mean() < 0.3


def test_the_files_of_the_generator_are_complete(generated):
    listed = json.loads((generated / TRUTH / "S5/files.json").read_text())
    text = json.dumps(listed)
    for name in ("bodies", "masks", "vertices", "clothes"):
        assert f"{name}/S5/" in text
    thickness = json.loads((generated / TRUTH / "clothes/S5/thickness.json").read_text())
    assert 0.01 < thickness["trunk"] < 0.04
    assert (generated / RAW / "S5/Videos/Walking 1.54138969.mp4").stat().st_size > 10_000


def test_estimates_start_from_the_nearest_bodies_of_the_model(generated):
    near = read_bodies(generated / TRUTH, "S5", "Walking")
    with np.load(generated / RAW / "predictions/sim_spin/S5/Walking.npz") as bodies:
        assert bodies["betas"].shape == near["betas"].shape
        assert np.abs(bodies["betas"] - near["betas"]).mean() < 1
        assert np.abs(bodies["translation"] - near["translation"]).max() < 0.6
