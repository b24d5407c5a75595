"""A regressor of the open body, and a user's SMPL_to_J19.pkl."""

import pickle

import numpy as np
import pytest
from planted_regressors import near_joints

from jointreg.regressor import Regressor


@pytest.fixture(scope="module")
def weights(body):
    return near_joints(body, np.random.default_rng(7))


@pytest.fixture
def regressor(weights, body):
    return Regressor(weights, about={"topology_hash": body.topology_hash, "training_subjects": ["S1"]})


@pytest.fixture
def j19(tmp_path, body):
    """A user's SMPL_to_J19.pkl, with rows that are not ours."""
    matrix = np.random.default_rng(8).random((19, body.n_vertices)).astype(np.float32)
    path = tmp_path / "SMPL_to_J19.pkl"
    path.write_bytes(pickle.dumps(matrix))
    return path, matrix
