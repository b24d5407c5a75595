"""Shared by all tests: the open body, bodies, the merged configuration, one finished tiny run."""

import os

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"


import numpy as np
import pytest
from dry_run import TINY, copy_project, snakemake
from project import ROOT


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def body():
    from jointreg.body import load_body

    return load_body("open")


@pytest.fixture
def generator():
    return np.random.default_rng(20221)


@pytest.fixture(scope="session")
def make_bodies():
    """Function (generator, count) -> rotations, betas, translation of plausible bodies, camera frame."""
    from jointreg.geometry.rotations import from_axis_angle

    def make(generator, count, spread=0.3):
        axis_angle = generator.normal(0, spread, (count, 24, 3))
        axis_angle[:, 0] = [np.pi, 0, 0]  # the body's y axis is up, the camera's is down
        axis_angle[:, 0] += generator.normal(0, 0.2, (count, 3))
        betas = generator.normal(0, 1, (count, 10)).astype(np.float32)
        translation = generator.normal([0, 0, 4.5], [0.2, 0.1, 0.3], (count, 3)).astype(np.float32)
        return from_axis_angle(axis_angle).astype(np.float32), betas, translation

    return make


@pytest.fixture(scope="session")
def open_config():
    from jointreg.config import load, read_yaml

    files = [ROOT / "config/config.yaml", ROOT / "config/open.yaml"]
    return load(read_yaml(*files), [str(path) for path in files])


@pytest.fixture
def checkout(tmp_path, root):
    """A copy of the project to run the workflow in."""
    return copy_project(root, tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, root):
    """A checkout in which the tiny run has been made, diagnosis included."""
    folder = copy_project(root, tmp_path_factory.mktemp("finished"))
    snakemake(folder, *TINY)
    return folder
