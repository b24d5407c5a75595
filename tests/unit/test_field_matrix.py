"""The page on the field's matrix, from stand-ins of its files whose numbers are known."""

import field_matrix
import numpy as np
import torch
from scipy import sparse

from jointreg.config.joint_sets import JOINT_SETS
from jointreg.exchange.placement import expected_joints
from jointreg.skeleton import SMPL_24


def write(folder, body, generator):
    """A mirrored matrix that the estimator's keypoints are read off with, and one that is 9 mm off."""
    paths = {role: folder / path for role, (path, _) in field_matrix.FILES.items()}
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    nearest = {}
    for name in ("h36m_17", "smpl_24", "mhr_70"):
        own = JOINT_SETS[name]
        places = expected_joints(body, own)
        rows = np.zeros((len(own.joints), body.n_vertices))
        for row, mirror in enumerate(own.mirror):
            if row <= mirror:
                vertex = np.linalg.norm(body.template - places[row], axis=1).argmin()
                rows[row, vertex] += 0.5
                rows[row, vertex if row < mirror else body.mirror[vertex]] += 0.5
                rows[mirror] = rows[row] if row == mirror else rows[row][body.mirror]
        nearest[name] = rows
    np.save(paths["std"], nearest["h36m_17"])
    torch.save(torch.tensor(nearest["h36m_17"]).float(), paths["opt"])
    torch.save(torch.tensor(nearest["smpl_24"]).float(), paths["smpl"])
    sparse.save_npz(paths["map"], sparse.identity(body.n_vertices, format="csr"))
    vertices = "\n".join(" ".join(map(repr, map(float, row))) for row in 100 * body.template)
    faces = "\n".join("3 " + " ".join(map(str, row)) for row in body.faces)
    head = f"ply\nformat ascii 1.0\nelement vertex {body.n_vertices}\n"
    head += "".join(f"property float {axis}\n" for axis in "xyz")
    head += f"element face {len(body.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    paths["mesh"].write_text(head + vertices + "\n" + faces + "\n")
    for k in range(4):
        posed = body.template + generator.normal(0, 0.2, 3)
        keypoints = nearest["mhr_70"] @ posed + (0, 0.009, 0)
        np.savez(paths[f"person {k}"], pred_vertices=posed, pred_keypoints_3d=keypoints)
    return paths


def numbers(text, head, row):
    """The numbers of a row of the first table below a heading."""
    (line,) = [line for line in text.split(head)[1].split("\n## ")[0].splitlines() if row in line]
    return [int(cell) for cell in line.split("|")[2:-1]]


def test_the_page_has_the_numbers_of_its_files(tmp_path, body, generator):
    text = field_matrix.page(write(tmp_path, body, generator))
    assert numbers(text, "## Left and right", "J_regressor_h36m") == [0] * 7
    keypoints = numbers(text, "## SAM 3D Body", "SMPL's own joints")
    assert keypoints == [9] * 7
    words = " ".join(text.split())
    assert "differ by 9 mm on the limbs" in words and "by 0 mm in the mean" in words
    for row in ("left knee", "right wrist"):
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {row} | 1 / 1")]
        assert line.count("100%") == 2


def test_a_vertex_outside_a_bend_lies_at_the_bone_that_begins_there(body):
    """Its distance to both bones is that to the joint, which rounding must not decide."""
    skeleton = body.joint_regressor @ body.template
    names = ("left_knee", "right_elbow")
    begins = np.array([SMPL_24.index(name) for name in names])
    children = [np.flatnonzero(body.parents == k)[0] for k in begins]
    bones = skeleton[[body.parents[begins], children]] - skeleton[begins]
    bend = (bones / np.linalg.norm(bones, axis=2, keepdims=True)).sum(axis=0)
    mesh = skeleton[begins] - 0.05 * bend / np.linalg.norm(bend, axis=1, keepdims=True)
    rows = np.repeat(np.eye(2), [9, 8], axis=0)
    lines = field_matrix.parts(rows, rows[::-1], skeleton, mesh)
    assert lines[0] == "| pelvis | 1 / 1 | left knee 100% | right elbow 100% |"
