"""Networks' outputs become bodies of the calibrated camera; sequences never run across a cut."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from capture_scene import camera, images, recording, walk, write_video
from checkpoint_files import random_state, write_checkpoint, write_mean_params

from jointreg import config
from jointreg.errors import DataError, ShapeError, StoreError
from jointreg.estimators import head_bodies, image_features, load_backbone, load_head
from jointreg.estimators.bodies import (
    frame_features,
    label_turns,
    network_bodies,
    place,
    ray_turns,
    tracks,
)
from jointreg.estimators.input_crops import network_crops
from jointreg.frames.prepare import prepare
from jointreg.geometry.camera import project_pinhole
from jointreg.geometry.rotations import angle_between, from_axis_angle
from jointreg.skeleton import LIMB
from jointreg.stores import Record


def pinhole(count=1, x=111.5, y=111.5, focal=600.0):
    return np.tile([[focal, 0, x], [0, focal, y], [0, 0, 1.0]], (count, 1, 1))


def test_the_pelvis_lies_where_the_network_sees_it_and_the_body_is_as_large():
    camera_weak = np.array([[0.9, 0.1, -0.2], [0.5, -0.4, 0.3]])
    matrices = pinhole(2, 300.0, -50.0)
    pelvis = np.array([[0.0, -0.2, 0.03], [0.01, -0.25, 0.0]])
    at = place(camera_weak, matrices, pelvis) + pelvis
    pixels = project_pinhole(at[:, None].astype(float), matrices)[:, 0]
    weak = camera_weak[:, :1] * (pelvis[:, :2] + camera_weak[:, 1:])  # -1..1 from edge to edge
    assert np.abs(pixels - (weak * 112 + 111.5)).max() < 1e-3
    # A stick of 1 m across the view shows 112 s pixels.
    ends = np.stack([at, at + np.array([1.0, 0, 0])], axis=1).astype(float)
    length = np.diff(project_pinhole(ends, matrices)[..., 0], axis=1)[:, 0]
    assert np.allclose(length, 112 * camera_weak[:, 0], atol=1e-2)


def test_a_senseless_scale_stays_before_the_camera():
    at = place(np.array([[-3.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), pinhole(2), np.zeros((2, 3)))
    assert np.allclose(at[:, 2], 600 / 11.2)


def test_the_ray_turn_takes_the_optical_axis_to_the_middle_of_the_crop():
    matrices = np.concatenate([pinhole(), pinhole(1, -100.0, 200.0), pinhole(1, 400.0, 111.5)])
    turns = ray_turns(matrices)
    assert np.allclose(turns[0], np.eye(3))
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3))
    pixels = project_pinhole(turns[:, None, :, 2], matrices)[:, 0]
    assert np.allclose(pixels, 111.5)
    assert np.isclose(angle_between(turns[2], np.eye(3)), np.arctan(288.5 / 600))


def test_away_from_the_axis_the_ray_turn_looks_more_like_what_the_network_saw(
    body, make_bodies, generator
):
    """It saw the weak-perspective picture; turned with the ray, the body nearly gives that."""
    rotations, betas, _ = make_bodies(generator, 4)
    matrices = pinhole(4, -240.0, 60.0)  # 30 degrees off
    weak = np.tile([0.9, 0.0, 0.25], (4, 1))
    seen = body.vertices(rotations, betas)
    seen_px = 111.5 + 112 * weak[:, None, :1] * (seen[..., :2] + weak[:, None, 1:])
    translation = place(weak, matrices, body.rest_joints(betas)[:, 0])
    apart = {}
    for name, turns in (("camera", np.eye(3)), ("ray", ray_turns(matrices))):
        turned = rotations.copy()
        turned[:, 0] = turns @ rotations[:, 0]
        vertices = body.vertices(turned, betas, translation).astype(float)
        apart[name] = np.abs(project_pinhole(vertices, matrices) - seen_px).mean()
    assert apart["ray"] < 0.6 * apart["camera"]


def test_aligned_orientation_is_the_labels(body, make_bodies, generator):
    rotations, betas, translation = make_bodies(generator, 5)
    labels = body.joints(rotations, betas, translation)[:, LIMB]
    planted = from_axis_angle(generator.normal(0, 0.5, (5, 3)))
    wrong = rotations.copy()
    wrong[:, 0] = planted @ rotations[:, 0]
    turns = label_turns(body, wrong, betas, labels)
    assert np.abs(turns @ wrong[:, 0] - rotations[:, 0]).max() < 1e-5


def test_tracks_end_at_takes_cameras_and_gaps():
    frames = {
        "take": np.array([0, 0, 0, 0, 0, 1, 1, 0]),
        "camera": np.array([0, 0, 0, 1, 1, 0, 0, 1]),
        "frame": np.array([10, 0, 5, 0, 5, 0, 5, 20]),
    }
    assert [rows.tolist() for rows in tracks(frames)] == [[1, 2, 0], [3, 4], [7], [5, 6]]
    single = {key: value[:1] for key, value in frames.items()}
    assert [rows.tolist() for rows in tracks(single)] == [[0]]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    write_mean_params(folder / "mean.npz")
    for network in ("spin", "vibe"):
        write_checkpoint(folder / f"{network}.pt", network, random_state(network, 4))
    return folder


@pytest.fixture
def run(files, body):
    def call(kind, frames, features, body=body, orientation="camera"):
        file, mean = files / f"{kind.removesuffix('_sequence')}.pt", files / "mean.npz"
        settings = {"checkpoint": file, "mean_params": mean, "orientation": orientation}
        return network_bodies(kind, frames, features, body, **settings)

    return call


@pytest.fixture
def store(generator):
    """Frames of two cameras, rows mixed, and features for them."""
    rows = {"take": np.zeros(8, int), "camera": np.tile([0, 1], 4), "frame": np.repeat(np.arange(4), 2)}
    frames = Record(rows | {"joints_cam": generator.normal(0, 1, (8, 17, 3))}, {"rows": "a"})
    features = np.abs(generator.normal(0, 1, (8, 2048))).astype(np.float32)
    return frames, Record(
        {"features": features, "crop_intrinsics": pinhole(8, 90.0, 130.0)}, {"rows": "a"}
    )


def test_a_sequence_model_sees_every_camera_by_itself(run, store, files):
    frames, features = store
    found = run("vibe_sequence", frames, features)
    head = load_head("vibe", checkpoint=files / "vibe.pt", mean_params=None)
    for view in (0, 1):
        rows = frames.camera == view
        alone = head_bodies(head, torch.from_numpy(features.features[rows]), sequence=True)
        assert np.abs(found["rotations"][rows] - alone.rotations.numpy()).max() < 1e-5
        assert np.abs(found["betas"][rows] - alone.betas.numpy()).max() < 1e-5
    assert {key: value.shape for key, value in found.items()} == {
        "rotations": (8, 24, 3, 3),
        "betas": (8, 10),
        "translation": (8, 3),
    }


def test_single_frames_do_not_depend_on_their_neighbours(run, store, body):
    frames, features = store
    whole = run("vibe", frames, features)
    some = [Record({k: v[3:4] for k, v in part.items()}, part.attrs) for part in store]
    assert np.abs(run("vibe", *some)["betas"] - whole["betas"][3]).max() < 1e-5


def test_orientation_is_read_as_the_settings_say(run, store, body):
    frames, features = store
    found = {
        name: run("spin", frames, features, orientation=name) for name in ("camera", "ray", "aligned")
    }
    turned = ray_turns(features.crop_intrinsics) @ found["camera"]["rotations"][:, 0]
    assert np.abs(found["ray"]["rotations"][:, 0] - turned).max() < 1e-5
    onto = found["aligned"]
    again = label_turns(body, onto["rotations"], onto["betas"], frames.joints_cam)
    assert np.abs(again - np.eye(3)).max() < 1e-4
    for name in ("ray", "aligned"):
        assert np.array_equal(found[name]["rotations"][:, 1:], found["camera"]["rotations"][:, 1:])


def test_other_frames_and_other_bodies_are_refused(run, store, body):
    frames, features = store
    with pytest.raises(StoreError, match="rows are not the same frames"):
        run("spin", Record(frames, {"rows": "b"}), features)
    small = replace(body, shape_directions=body.shape_directions[..., :4])
    with pytest.raises(ShapeError, match="24 joints and 4 shape directions"):
        run("spin", frames, features, small)


def test_outputs_that_are_not_finite_name_the_checkpoint(run, store):
    frames, features = store
    large = np.where(np.arange(8)[:, None] == 5, np.float32(3e38), features.features)
    arrays = {"features": large, "crop_intrinsics": features.crop_intrinsics}
    with pytest.raises(DataError, match=r"spin\.pt: the network gives .* first for row 5"):
        run("spin", frames, Record(arrays, {"rows": "a"}))


def test_features_stand_in_the_rows_of_their_frames(files, tmp_path):
    view, joints = camera(300), walk(3)
    pictures = images(view, joints, np.random.default_rng(2))
    made = recording(write_video(tmp_path / "1.mp4", pictures), view, joints)
    arrays, facts = prepare([made], config.Prepare(frame_step=1, margin_m=0.25))
    order = np.array([2, 0, 1])
    frames = Record({key: value[order] for key, value in arrays.items()}, facts)
    backbone = load_backbone(files / "spin.pt")
    found = frame_features(backbone, frames, [made], "vibe", batch=2)
    for row, image, matrix in network_crops(frames, facts, [made], "vibe"):
        picture = torch.from_numpy(image).permute(2, 0, 1)[None]
        expected = image_features(backbone, picture, torch.device("cpu"))[0].numpy()
        assert np.abs(found["features"][row] - expected).max() < 1e-4
        assert np.array_equal(found["crop_intrinsics"][row], matrix)
    assert np.abs(found["features"][0] - found["features"][1]).max() > 1e-2


def test_nothing_but_the_networks_themselves_brings_torch():
    """Jobs that read files and the process of the Snakefile stay light."""
    names = ("config.methods", "evaluation.network_words", "predictions.bodies", "predictions.files")
    modules = ", ".join(f"jointreg.{name}" for name in names)
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
