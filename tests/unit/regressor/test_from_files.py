"""`jointreg fit` on files: what it writes, and that the result reads the planted joints."""

import json

import numpy as np
import pytest

from jointreg.cli.main import main
from jointreg.exchange.joint_sets import JOINT_SETS
from jointreg.exchange.named_rows import read_named_rows
from jointreg.exchange.placement import expected_joints

LSP = JOINT_SETS["lsp_14"]


@pytest.fixture(scope="module")
def files(tmp_path_factory, body, make_bodies):
    """120 posed bodies and the joints of three vertices near each place, without noise."""
    folder, generator = tmp_path_factory.mktemp("fit"), np.random.default_rng(6)
    weights = np.zeros((14, body.n_vertices))
    for row, place in zip(weights, expected_joints(body, LSP), strict=True):
        row[np.argsort(np.linalg.norm(body.template - place, axis=1))[:3]] = 1 / 3
    posed = body.vertices(*make_bodies(generator, 120))
    joints = weights @ posed.astype(np.float64)
    joints[5, 3] = np.nan
    np.save(folder / "meshes.npy", posed)
    order = generator.permutation(14)
    np.savez(folder / "labels.npz", joints=joints[:, order], joint_names=np.array(LSP.joints)[order])
    return folder, weights


def test_the_command_writes_regressor_sidecar_card_and_picture(files, tmp_path, capsys, body):
    folder, truth = files
    output = tmp_path / "J.npz"
    command = ["fit", str(folder / "meshes.npy"), "--labels", str(folder / "labels.npz")]
    command += ["--output", str(output), "--joints", "lsp_14", "--mesh", "open"]
    assert main([*command, "--picture", str(tmp_path / "support.png")]) == 0
    read = read_named_rows(output)
    assert read.joints == LSP.joints and read.about["topology_hash"] == body.topology_hash
    posed = np.load(folder / "meshes.npy").astype(np.float64)
    assert 1e3 * np.linalg.norm((read.matrix - truth) @ posed, axis=2).max() < 0.5
    card = (tmp_path / "J.npz.md").read_text()
    assert card in capsys.readouterr().out and "120 frames" in card
    assert card.count("sha256") == 3 and "left_ankle" in card
    about = json.loads((tmp_path / "J.npz.json").read_text())["about"]
    assert about["labelled_frames"][LSP.joints[3]] == 119
    assert (tmp_path / "support.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        (["--joints", "coco_17"], "has no joint nose, left_eye"),
        (["--mesh", "MESH"], "the mesh has 3 vertices, the frames have 6890"),
        (["--picture", "a.png"], "--picture draws on a mesh"),
        (["--picture", "a.txt", "--mesh", "open"], "expected a file that ends in .png"),
        (["--max-vertices", "-1"], "expected a number of vertices"),
    ],
)
def test_refusals(files, tmp_path, capsys, more, cause):
    folder, _ = files
    np.savez(tmp_path / "mesh.npz", vertices=np.eye(3), faces=np.arange(3)[None])
    more = [str(tmp_path / "mesh.npz") if word == "MESH" else word for word in more]
    command = ["fit", str(folder / "meshes.npy"), "--labels", str(folder / "labels.npz")]
    assert main([*command, "--output", str(tmp_path / "J.npz"), *more]) == 1
    assert cause in capsys.readouterr().err and not (tmp_path / "J.npz").exists()


def test_a_frame_whose_labels_are_of_another_moment_is_named(files, tmp_path, capsys):
    folder, _ = files
    labels = np.load(folder / "labels.npz")
    joints = labels["joints"].copy()
    middle = np.nanmean(joints[17], axis=0)
    joints[17] = middle + (joints[17] - middle) / 2
    np.savez(tmp_path / "labels.npz", joints=joints, joint_names=labels["joint_names"])
    command = ["fit", str(folder / "meshes.npy"), "--labels", str(tmp_path / "labels.npz")]
    assert main([*command, "--output", str(tmp_path / "J.npz")]) == 0
    assert "1 of 120 frames, the first is frame 17" in capsys.readouterr().err
