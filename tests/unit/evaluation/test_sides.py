"""Joints of bodies and of their meshes are the same; regressors that do not fit are refused."""

import numpy as np
import pytest
from planted_regressors import near_joints
from scipy import sparse

from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import ConfigError, DataError
from jointreg.evaluation.sides import Side, read_regressors
from jointreg.exchange.named_rows import write_named_rows

SMPL, H36M = JOINT_SETS["smpl_24"], JOINT_SETS["h36m_17"]


@pytest.fixture(scope="module")
def bodies(make_bodies):
    """More than one batch."""
    rotations, betas, _ = make_bodies(np.random.default_rng(7), 300)
    return {"rotations": rotations, "betas": betas}


def test_meshes_give_the_joints_of_the_bodies_that_they_are_of(body, bodies):
    """To a micrometre."""
    weights = {
        "a": near_joints(body, np.random.default_rng(1)),
        "b": near_joints(body, np.random.default_rng(2)),
    }
    meshes = {"vertices": body.vertices(*bodies.values())}
    posed = Side("bodies", bodies, body).joints(weights)
    for known in (body, None):
        assert np.abs(Side("meshes", meshes, known).joints(weights) - posed).max() < 1e-6
    assert posed.shape == (2, 300, 17, 3)


def test_joints_are_as_given(body):
    joints = np.random.default_rng(1).normal(size=(4, 5, 3))
    side = Side("joints", {"joints": joints})
    assert np.array_equal(side.joints({}), joints[None]) and not list(side.meshes())


def test_a_regressor_of_another_mesh_is_refused(body):
    meshes = Side("sam.npz", {"vertices": np.zeros((1, 18439, 3))})
    with pytest.raises(
        DataError, match=r"(?s)6890 vertices \(SMPL or the open body\), sam.npz .*MHR.*jointreg transfer"
    ):
        meshes.joints({"J_std.npy": near_joints(body, np.random.default_rng(1))})
    with pytest.raises(DataError, match="no regressor"):
        meshes.joints({})


def test_a_mesh_with_other_numbers_is_refused_without_a_body(body, bodies):
    """As many vertices in another order, as SMPL's beside the open body's; or a map of other meshes."""
    order = np.random.default_rng(2).permutation(body.n_vertices)
    meshes = body.vertices(*(part[:3] for part in bodies.values()))
    weights = {"J.npy": near_joints(body, np.random.default_rng(1))}
    cause = r"rows of regressor J\.npy.* read vertices all over the meshes of a\.npz"
    with pytest.raises(DataError, match=cause):
        Side("a.npz", {"vertices": meshes[:, order]}).joints(weights)
    for numbers, known in ((np.arange(body.n_vertices), True), (order, False)):
        entries = np.ones(body.n_vertices), (np.arange(body.n_vertices), numbers)
        side = Side("a.npz", {"vertices": meshes}, mesh_map=sparse.csr_array(entries))
        if known:
            assert np.abs(side.joints(weights)[0] - weights["J.npy"] @ meshes).max() < 1e-6
            continue
        with pytest.raises(DataError, match=cause):
            side.joints(weights)


@pytest.mark.parametrize("name", ["coco_17", "lsp_14", "smpl_24"])
def test_regressors_of_other_joint_sets_are_read_by_their_sidecar(tmp_path, body, name):
    """The file has the rows in another order; the protocol's order comes back."""
    joints = JOINT_SETS[name]
    limbs = body.joint_regressor[list(joints.limbs)].astype(np.float64)
    order = list(reversed(range(len(limbs))))
    names = [joints.joints[row] for row in order]
    file = str(tmp_path / "J.npy")
    write_named_rows(file, limbs[order], names, {"topology_hash": body.topology_hash})
    if name != "smpl_24":  # eyes and ears are no joints of the skeleton
        found = read_regressors([file], None, joints)
    else:
        found = read_regressors([file, "own"], body, joints)
        assert np.array_equal(found["own"], limbs)
    assert np.array_equal(found[file], limbs)


def test_own_and_repeated_names_are_refused_where_they_mean_nothing(body):
    for known, joints in ((None, SMPL), (body, H36M)):
        with pytest.raises(ConfigError, match="regressor own is the matrix of SMPL's 24 joints"):
            read_regressors(["own"], known, joints)
    with pytest.raises(ConfigError, match="named twice"):
        read_regressors(["own", "own"], body, SMPL)
