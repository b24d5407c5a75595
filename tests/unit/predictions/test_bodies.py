"""Prediction files: matched by take, camera and frame, or refused."""

import numpy as np
import pytest
from planted_regressors import near_joints
from scipy import sparse

from jointreg.config import Estimate, Evaluate
from jointreg.config.methods import load_methods
from jointreg.errors import DataError
from jointreg.evaluation.evaluate import evaluate
from jointreg.exchange.vertex_maps import read_map_by
from jointreg.predictions.bodies import check_bodies, estimate, read_predictions
from jointreg.skeleton import H36M_17, H36M_AS_SMPL, SMPL_24, rows
from jointreg.stores import Record

WHICH = {"method": "net", "subject": "S1", "action": "Walking"}

READING = {"kind": "predictions", "files": "net/{subject}/{action}.npz", "rows": "", "six": ""}


@pytest.fixture
def predictions(make_bodies, generator):
    """Two cameras, six frames each, in a shuffled order of rows."""
    arrays = dict(zip(("rotations", "betas", "translation"), make_bodies(generator, 12), strict=True))
    arrays["take"] = np.repeat("1", 12)
    arrays["camera"] = np.repeat(["left", "right"], 6)
    arrays["frame"] = np.tile(np.arange(6), 2)
    order = generator.permutation(12)
    return {key: value[order] for key, value in arrays.items()}


@pytest.fixture
def frames(predictions, body):
    """Every second frame, right camera first in the store's list of names; labels on the skeleton."""
    rows_of = [
        np.flatnonzero((predictions["camera"] == camera) & (predictions["frame"] == frame))[0]
        for camera in ("right", "left")
        for frame in (0, 2, 4)
    ]
    pose = (predictions[key][rows_of] for key in ("rotations", "betas", "translation"))
    nearest = rows([H36M_AS_SMPL[name] for name in H36M_17], SMPL_24)
    return Record(
        {
            "take": np.zeros(6, int),
            "camera": np.array([0, 0, 0, 1, 1, 1]),
            "frame": np.tile([0, 2, 4], 2),
            "joints_cam": body.joints(*pose)[:, nearest],
        },
        {"take_names": ["1"], "camera_names": ["right", "left"]},
    )


@pytest.fixture
def run(tmp_path, body, frames):
    settings = Estimate(predictions=str(tmp_path), keypoints_iterations=1, keypoints_prior=0.0)
    path = tmp_path / "net" / "S1" / "Walking.npz"
    path.parent.mkdir(parents=True)

    def call(arrays):
        np.savez(path, **arrays)
        return estimate(READING, WHICH, frames, body, settings)

    return call


def test_rows_are_matched_by_identity(run, predictions, frames):
    found = run(predictions)
    for row, (camera, frame) in enumerate(zip(frames.camera, frames.frame, strict=True)):
        name = ["right", "left"][camera]
        (source,) = np.flatnonzero((predictions["camera"] == name) & (predictions["frame"] == frame))
        assert np.array_equal(found["rotations"][row], predictions["rotations"][source])
        assert np.array_equal(found["translation"][row], predictions["translation"][source])


def test_a_frame_without_prediction_is_named(run, predictions):
    gone = ~((predictions["camera"] == "left") & (predictions["frame"] == 2))
    with pytest.raises(DataError, match="no prediction for take 1, camera left, frame 2"):
        run({key: value[gone] for key, value in predictions.items()})


def test_rows_that_the_file_calls_invalid_are_refused(run, predictions):
    valid = np.arange(len(predictions["frame"])) != 3
    with pytest.raises(DataError, match="valid marks 1 of 12 rows as not valid"):
        run(predictions | {"valid": valid})


def test_marks_and_genders_of_other_sequences_do_not_count(run, predictions, frames, capsys):
    """A file of two actions: of each array the rows of this one are read, whatever its axes."""
    numbers = {"right": "54138969", "left": "60457274"}
    frames.attrs.update(camera_names=list(numbers.values()), take_files={"1": "Walking 1"})
    own = {key: predictions[key] for key in ("rotations", "betas", "translation")}
    names = [
        f"S1_Walking_1.{numbers[camera]}_{frame + 1:06d}.jpg"
        for camera, frame in zip(predictions["camera"], predictions["frame"], strict=True)
    ]
    both = {key: np.concatenate([value, value]) for key, value in own.items()}
    both["imgname"] = np.array([*names, *(name.replace("Walking", "Eating") for name in names)])
    both["gender"] = np.repeat(["male", "female"], 12)
    run(both | {"valid": np.repeat([1, 0], 12)})
    assert "gender is 'male'" in capsys.readouterr().out
    with pytest.raises(DataError, match="valid marks 1 of 12 rows as not valid"):
        run(both | {"valid": np.arange(24) != 3})


def test_half_precision_is_noted(tmp_path, body, predictions):
    told = []
    half = predictions | {"translation": predictions["translation"].astype(np.float16)}
    for name, arrays in (("half", half), ("whole", predictions)):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        read_predictions(tmp_path / f"{name}.npz", body, note=told.append)
    (note,) = (one for one in told if "half precision" in one)
    assert "half.npz: translation in half precision" in note


def test_a_frame_that_stands_twice_is_named(run, predictions):
    twice = {key: np.concatenate([value, value[:1]]) for key, value in predictions.items()}
    with pytest.raises(DataError, match="stands twice"):
        run(twice)


@pytest.mark.parametrize("factor", [1.1, -1.0])
def test_rotations_must_be_rotations(run, predictions, factor):
    predictions["rotations"][3] *= factor
    with pytest.raises(DataError, match=r"rotations of row 3 are no rotations.*1 of 12 rows"):
        run(predictions)


def test_labelled_frames_need_numbers(run, predictions):
    for key in ("rotations", "betas", "translation"):
        with pytest.raises(DataError, match=f"{key} of labelled frame 0 are NaN"):
            run(predictions | {key: np.nan * predictions[key]})


def test_missing_arrays_and_wrong_shapes_are_named(run, predictions):
    with pytest.raises(DataError, match=r"lacks \['betas'\]"):
        run({key: value for key, value in predictions.items() if key != "betas"})
    with pytest.raises(DataError, match="betas has shape"):
        run(predictions | {"betas": predictions["betas"][:, :3]})


def test_a_truncated_file_is_refused(run, predictions, tmp_path, body, frames):
    run(predictions)
    path = tmp_path / "net" / "S1" / "Walking.npz"
    path.write_bytes(path.read_bytes()[:500])
    settings = Estimate(predictions=str(tmp_path), keypoints_iterations=1, keypoints_prior=0.0)
    with pytest.raises(DataError, match="not a readable npz"):
        estimate(READING, WHICH, frames, body, settings)


def test_bodies_far_from_the_labels_are_printed(body, predictions, capsys):
    """Transposed rotations and mirrored bodies have their trunk and sides where the labels have them."""
    rotations, betas = predictions["rotations"].copy(), predictions["betas"]
    rotations[:, 0] = np.eye(3)
    nearest = rows([H36M_AS_SMPL[name] for name in H36M_17], SMPL_24)
    labels = body.joints(rotations, betas)[:, nearest]
    check_bodies(body.joints(rotations, betas) + np.array([0, 0, 3.0]), labels, "own")
    assert not capsys.readouterr().out
    bent = rotations.copy()
    bent[:, [SMPL_24.index(name) for name in ("left_hip", "right_hip")]] = np.diag([1.0, -1, -1])
    bent[:, [SMPL_24.index(f"{side}_shoulder") for side in ("left", "right")]] = np.diag([-1.0, -1, 1])
    check_bodies(body.joints(bent, betas), labels, "far")
    assert "far: the skeleton's joints lie" in capsys.readouterr().out


@pytest.fixture
def meshes(tmp_path, body, predictions, frames):
    """Function (millimetres, change, map) -> what rule estimate writes for the meshes of the bodies."""
    posed = body.vertices(*(predictions[key] for key in ("rotations", "betas", "translation")))
    settings = Estimate(predictions=str(tmp_path), keypoints_iterations=1, keypoints_prior=0.0)
    path = tmp_path / "net" / "S1" / "Walking.npz"
    path.parent.mkdir(parents=True, exist_ok=True)

    def call(change=lambda mesh: mesh, mesh_map=None):
        names = {key: predictions[key] for key in ("take", "camera", "frame")}
        np.savez(path, vertices=change(posed), **names)
        reading = READING | {"kind": "vertices"}
        return estimate(reading, WHICH, frames, body, settings, mesh_map)

    return call


def test_meshes_score_as_the_bodies_that_posed_them(run, meshes, body, frames, predictions):
    """Rules estimate and evaluate, from files in millimetres. A fit may read the mesh all over."""
    protocol = Evaluate(joints=17, root="pelvis", average="frames")
    near = near_joints(body, np.random.default_rng(1))
    regressors = {"J": near, "wide": 0.8 * near + 0.2 / body.n_vertices}
    found = meshes(lambda mesh: 1000 * mesh)
    assert found["vertices"].dtype == np.float32
    of_meshes = evaluate(body, found, frames.joints_cam, regressors, protocol)
    of_bodies = evaluate(body, run(predictions), frames.joints_cam, regressors, protocol)
    for one, other in zip(of_meshes, of_bodies, strict=True):
        assert np.abs(one - other).max() < 1e-6


def test_meshes_of_another_body_come_by_their_map(meshes, body):
    """Every vertex of the body is the middle of two of the other mesh, which has another order."""
    count = body.n_vertices
    order = np.random.default_rng(2).permutation(2 * count)
    rows_of = np.arange(count)
    matrix = sparse.csr_array(
        (
            np.full(2 * count, 0.5),
            (np.tile(rows_of, 2), np.argsort(order)[np.concatenate([rows_of, rows_of + count])]),
        ),
        shape=(count, 2 * count),
    )

    def split(mesh):
        return np.concatenate([mesh - 0.01, mesh + 0.01], axis=1)[:, order]

    moved = meshes(split, matrix)["vertices"]
    assert np.abs(moved - meshes()["vertices"]).max() < 1e-6
    with pytest.raises(DataError, match=r"expected \(6890, 6890\)"):
        meshes(mesh_map=matrix)
    with pytest.raises(DataError, match=r"(?s)meshes of 13780 vertices.*jointreg transfer"):
        meshes(split)


def test_a_row_of_the_table_names_a_map_by_the_faces_of_a_mesh(
    tmp_path, meshes, body, frames, predictions
):
    """Columns map and map_mesh, as for MHR: each vertex of the body lies in a face of the other mesh."""
    count = body.n_vertices
    first = np.arange(count)
    faces = np.stack([first, first + count, (first + 1) % count], axis=1)
    order = np.random.default_rng(3).permutation(count)

    def split(mesh):
        ends = np.array([0.03, -0.01, 0.02])
        return np.concatenate([mesh - ends, mesh + ends / 3], axis=1)

    rest = split(body.template[None].astype(np.float64))[0]
    lines = [f"v {x:.9f} {y:.9f} {z:.9f}" for x, y, z in rest]
    lines += ["f {} {} {}".format(*(face + 1)) for face in faces[order]]
    (tmp_path / "mesh.obj").write_text("\n".join(lines))
    np.savez(
        tmp_path / "map.npz",
        triangle_ids=np.argsort(order),
        baryc_coords=np.tile([0.25, 0.75, 0.0], (count, 1)),
    )
    table = tmp_path / "methods.tsv"
    columns = ("name", "kind", "label", "paper", "files", "rows", "six", "about", "map", "map_mesh")
    row = ("net", "vertices", "Net", "", READING["files"], "", "", "x", "map.npz", "mesh.obj")
    table.write_text("\n".join("\t".join(line) for line in (columns, row)) + "\n")
    reading = load_methods(table)["net"].reading()
    matrix = read_map_by(tmp_path / reading["map"], tmp_path / reading["map_mesh"])
    regressors = {"J": near_joints(body, np.random.default_rng(1))}
    protocol = Evaluate(joints=17, root="pelvis", average="frames")
    moved, own = (
        evaluate(body, found, frames.joints_cam, regressors, protocol)
        for found in (meshes(split, matrix), meshes())
    )
    for one, other in zip(moved, own, strict=True):
        assert np.abs(one - other).max() < 1e-6
    with pytest.raises(DataError, match=r"(?s)faces of the target mesh.*map_mesh"):
        read_map_by(tmp_path / "map.npz")


def test_meshes_of_another_frame_of_reference_are_refused(meshes):
    with pytest.raises(DataError, match="the trunk points"):
        meshes(lambda mesh: mesh * np.float32([1, -1, -1]))
