"""`jointreg fit` on files: what it writes, and that the result reads the planted joints."""

import json

import numpy as np
import pytest

from jointreg.body import load_body
from jointreg.cli import main
from jointreg.config.joint_sets import JOINT_SETS
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
    command += ["--output", str(output), "--joints", "lsp_14", "--mesh", "open", "--people", "3"]
    assert main([*command, "--picture", str(tmp_path / "support.png")]) == 0
    read = read_named_rows(output)
    assert read.joints == LSP.joints and read.about["topology_hash"] == body.topology_hash
    posed = np.load(folder / "meshes.npy").astype(np.float64)
    assert 1e3 * np.linalg.norm((read.matrix - truth) @ posed, axis=2).max() < 0.5
    card = (tmp_path / "J.npz.md").read_text()
    assert card in capsys.readouterr().out and "frames: 120" in card
    assert card.count("sha256") == 3 and "left_ankle" in card
    assert "people: 3" in card and "licence of the body: CC0 1.0" in card and "mesh at rest" in card
    about = json.loads((tmp_path / "J.npz.json").read_text())["about"]
    assert about["labelled_frames"][LSP.joints[3]] == 119
    assert (tmp_path / "support.png").stat().st_size > 10_000
    assert max(map(max, about["standard_error_mm"].values())) < 0.5
    assert main(["inspect", str(output)]) == 0
    printed = capsys.readouterr().out
    assert card in printed and "from joint" in printed


def test_labels_without_names_are_noted_where_evaluate_will_need_them(files, tmp_path, capsys):
    folder, _ = files
    named = np.load(folder / "labels.npz")
    order = [named["joint_names"].tolist().index(joint) for joint in LSP.joints]
    labels = named["joints"][:40, order]
    root = labels[:, :1].copy()  # labels and meshes are relative to the first joint
    np.save(tmp_path / "labels.npy", labels - root)
    np.save(tmp_path / "meshes.npy", np.load(folder / "meshes.npy")[:40] - root)
    command = ["fit", str(tmp_path / "meshes.npy"), "--labels", str(tmp_path / "labels.npy")]
    assert main([*command, "--output", str(tmp_path / "J.npy"), "--mesh", "open"]) == 0
    printed = capsys.readouterr()
    assert "does not name its joints, so the rows are called joint 0 to joint 13" in printed.err
    assert "joint 0 is at the origin in every frame, so labels are relative to it" in printed.err
    assert "any number of vertices a joint" in printed.out
    assert main(["convert", str(tmp_path / "J.npy"), str(tmp_path / "K.npy")]) == 1
    convert = ["convert", str(tmp_path / "J.npy"), str(tmp_path / "K.npz"), "--joints", "lsp_14"]
    assert main(convert) == 0
    capsys.readouterr()
    assert main(["inspect", str(tmp_path / "K.npz")]) == 0
    printed = capsys.readouterr().out
    assert "# K.npz" in printed and "joint 0" not in printed
    assert all(printed.count(f"\n{joint} ") == 2 for joint in LSP.joints)  # of the card and of inspect


def test_a_moved_regressor_is_called_derived_and_has_the_card_of_its_source(files, tmp_path, capsys):
    folder, _ = files
    command = ["fit", str(folder / "meshes.npy"), "--labels", str(folder / "labels.npz")]
    assert main([*command, "--output", str(tmp_path / "J.npz"), "--licence", "ours"]) == 0
    mesh = load_body("open")
    np.savez(
        tmp_path / "other.npz", vertices=mesh.template[::-1], faces=mesh.n_vertices - 1 - mesh.faces
    )
    moved = str(tmp_path / "moved.npy")
    command = ["transfer", str(tmp_path / "J.npz"), moved, "--from", "open"]
    assert main([*command, "--to", str(tmp_path / "other.npz")]) == 0
    capsys.readouterr()
    assert main(["inspect", moved]) == 0
    text = capsys.readouterr().out
    assert (
        "Derived, not fitted" in text and "from\nJ.npz" in text and "licence of the body: ours" in text
    )
    assert "120" in text and "axes of the first frame" in text


def test_parameters_of_a_body_give_the_regressor_of_its_vertices(files, tmp_path, body, make_bodies):
    """The bodies of `files` are made again, and written as parameters."""
    folder, _ = files
    rotations, betas, translation = make_bodies(np.random.default_rng(6), 120)
    np.savez(tmp_path / "a.npz", rotations=rotations, betas=betas, translation=translation)
    sides = ["--symmetric", "--joints", "lsp_14"]
    for name, more in (
        ("a.npz", ["--body", "open", *sides]),
        ("meshes.npy", ["--mesh", "open", *sides]),
    ):
        place = tmp_path if more[0] == "--body" else folder
        command = ["fit", str(place / name), "--labels", str(folder / "labels.npz"), *more]
        assert main([*command, "--output", str(tmp_path / f"{more[0][2:]}.npy")]) == 0
    of_parameters, of_vertices = (read_named_rows(tmp_path / f"{name}.npy") for name in ("body", "mesh"))
    posed = np.load(folder / "meshes.npy").astype(np.float64)
    assert np.abs((of_parameters.matrix - of_vertices.matrix) @ posed).max() < 1e-4
    assert of_parameters.about["topology_hash"] == body.topology_hash
    others = of_vertices.matrix[list(LSP.mirror)][:, body.mirror]
    assert np.array_equal(of_vertices.matrix, others)
    assert "left and right alike" in (tmp_path / "mesh.npy.md").read_text()


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        (["--joints", "coco_17"], "joints; it has "),
        (["--mesh", "MESH"], "the mesh has 3 vertices, the frames have 6890"),
        (["--symmetric", "--mesh", "open"], "needs the sides of the joints"),
        (["--symmetric", "--joints", "lsp_14"], "needs the sides of the joints"),
        (["--mesh", "open", "--body", "open"], "--body and --mesh are given"),
        (["--body", "open"], "has vertices, and a body that poses parameters is named"),
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


def _fit(files, tmp_path, capsys, *more, meshes=None, labels=None):
    """Exit status of the command and what it notes; meshes and labels (frames, ...) of the fixture."""
    folder, _ = files
    paths = [folder / "meshes.npy", folder / "labels.npz"]
    if meshes is not None:
        paths[0] = tmp_path / "changed.npy"
        np.save(paths[0], meshes)
    if labels is not None:
        paths[1] = tmp_path / "changed.npz"
        np.savez(paths[1], **labels)
    command = ["fit", str(paths[0]), "--labels", str(paths[1]), "--output", str(tmp_path / "J.npz")]
    return main([*command, *more]), capsys.readouterr().err


def test_labels_under_wrong_names_fit_well_and_are_noted(files, tmp_path, capsys):
    with np.load(files[0] / "labels.npz") as file:
        labels = {key: file[key] for key in file.files}
    set_and_mesh = ("--joints", "lsp_14", "--mesh", "open")
    status, told = _fit(files, tmp_path, capsys, *set_and_mesh)
    assert status == 0 and "lands" not in told
    sides = [
        name.replace("left", "#").replace("right", "left").replace("#", "right")
        for name in labels["joint_names"]
    ]
    for names in (np.array(sides), np.roll(labels["joint_names"], 1)):
        wrong = labels | {"joint_names": names}
        status, told = _fit(files, tmp_path, capsys, *set_and_mesh, labels=wrong)
        assert status == 0 and "own names" in told and "lands" in told


def test_exchanged_sides_and_another_order_are_noted_on_any_mesh(files, tmp_path, capsys):
    """No mesh is named, so that the distances and sides of the joints alone show it.

    The knees of `files` bend either way: here both legs are bent by the labels.
    """
    with np.load(files[0] / "labels.npz") as file:
        names = file["joint_names"].tolist()
        joints = file["joints"][:, [names.index(name) for name in LSP.joints]]
    knees = [LSP.joints.index(f"{side}_knee") for side in ("left", "right")]
    trunk = joints[:, LSP.joints.index("neck")] - joints[:, 2:4].mean(axis=1)
    across = joints[:, LSP.joints.index("left_hip")] - joints[:, LSP.joints.index("right_hip")]
    forward = np.cross(across, trunk)
    joints[:, knees] += 0.12 * (forward / np.linalg.norm(forward, axis=1)[:, None])[:, None]
    for labels, words in (
        (joints, None),
        (joints[:, LSP.mirror], "by left and right left_knee and right_knee point backward"),
        (np.roll(joints, 5, axis=1), "is not of the 14 joints of LSP and 3DPW"),
    ):
        told = _fit(files, tmp_path, capsys, "--joints", "lsp_14", labels={"joints": labels})[1]
        assert ("own names and order" in told) == bool(words) and (words or "") in told
    named = {"joints": joints[:, LSP.mirror], "joint_names": np.array(LSP.joints)}
    assert "point backward" in _fit(files, tmp_path, capsys, labels=named)[1]  # a set by its names


def test_labels_out_of_step_are_noted(files, tmp_path, capsys):
    """Labels of the frame after, and bodies that stay in one place."""
    meshes, labels = np.load(files[0] / "meshes.npy"), dict(np.load(files[0] / "labels.npz"))
    place = meshes.mean(axis=1, keepdims=True)
    labels["joints"] = (labels["joints"] - place)[1:]
    told = _fit(files, tmp_path, capsys, meshes=(meshes - place)[:-1], labels=labels)[1]
    assert "label n-1 lies nearer to mesh n" in told


def test_repeated_frames_are_counted(files, tmp_path, capsys):
    meshes, folder = np.load(files[0] / "meshes.npy"), files[0]
    with np.load(folder / "labels.npz") as file:
        joints = file["joints"]
    order = np.r_[np.arange(60), np.arange(60)]
    status, told = _fit(files, tmp_path, capsys, meshes=meshes[order], labels={"joints": joints[order]})
    assert status == 0 and "60 of 120 frames have the labels of another frame" in told


def test_a_mesh_of_other_faces_and_a_number_of_people_that_cannot_be_are_refused(
    files, tmp_path, capsys, body, generator
):
    order = generator.permutation(body.n_vertices)
    np.savez(tmp_path / "mesh.npz", vertices=body.template[order], faces=np.argsort(order)[body.faces])
    for more, message in (
        (("--mesh", str(tmp_path / "mesh.npz")), "times as long"),
        (("--people", "-1"), "expected a number of people"),
        (("--people", "121"), "there are 120 frames"),
    ):
        status, told = _fit(files, tmp_path, capsys, *more)
        assert status == 1 and message in told
