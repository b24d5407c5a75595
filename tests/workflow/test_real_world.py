"""config/open_real.yaml on the tiny run's sequences: every stage that reads the generator's files."""

import json

import numpy as np
import pytest
from dry_run import copy_project, planned, snakemake

from jointreg import stores
from jointreg.body import load_body
from jointreg.config import load, read_yaml
from jointreg.exchange.regressor_files import load_regressor
from jointreg.synthetic.truth import read_bodies, read_vertices

WORLD = ("--configfile", "config/open.yaml", "config/open_real.yaml", "tests/tiny/config.yaml")
SUBJECTS = ("S1", "S5", "S9")


@pytest.fixture(scope="module")
def generated(tmp_path_factory, root):
    folder = copy_project(root, tmp_path_factory.mktemp("real_world"))
    stages = ("prepare", "segment", "estimate/sim_spin")
    files = [f"results/tiny/{stage}/{s}/Walking.zarr.zip" for stage in stages for s in SUBJECTS]
    snakemake(folder, *files, *WORLD)
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


def test_the_whole_workflow_can_be_planned(generated):
    assert {"optimize", "evaluate", "diagnose"} <= set(planned(generated, *WORLD))


def test_what_the_pipeline_reads_is_what_was_filmed(generated):
    truth = generated / "data/tiny/truth"
    true = load_regressor(truth / "J_true.npy", load_body("open")).weights
    for subject in SUBJECTS:
        frames = stores.FRAMES.read(generated / f"results/tiny/prepare/{subject}/Walking.zarr.zip")
        vertices = read_vertices(truth, subject, "Walking")
        joints = true @ vertices["vertices"][frames["frame"]].astype(np.float64)
        labels = frames["joints_cam"].astype(np.float64)
        centred = [points - points.mean(axis=1, keepdims=True) for points in (labels, joints)]
        # Labels are off by the planted offset, the slide and the wandering: centimetres at most.
        sizes = [np.linalg.norm(points, axis=-1) for points in centred]
        assert np.abs(sizes[0] - sizes[1]).mean() < 0.02
        assert np.abs(sizes[0] - sizes[1]).max() > 0.005


def test_masks_are_of_dressed_people(generated):
    for subject in SUBJECTS:
        masks = stores.MASKS.read(generated / f"results/tiny/segment/{subject}/Walking.zarr.zip")
        assert (np.asarray(masks["score"]) > 0).mean() > 0.9
        path = generated / f"data/tiny/truth/clothes/{subject}/thickness.json"
        assert 0.01 < json.loads(path.read_text())["trunk"] < 0.04


def test_estimates_start_from_the_nearest_bodies_of_the_model(generated):
    body = load_body("open")
    for subject in SUBJECTS:
        bodies = stores.BODIES.read(
            generated / f"results/tiny/estimate/sim_spin/{subject}/Walking.zarr.zip"
        )
        near = read_bodies(generated / "data/tiny/truth", subject, "Walking")
        assert np.abs(bodies["betas"] - near["betas"]).mean() < 1
        assert bodies["betas"].shape[1] == body.n_betas
