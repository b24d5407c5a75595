"""Points, offsets and sides that were planted come back from calibrated views."""

import numpy as np
import pytest

from jointreg import config
from jointreg.errors import DataError
from jointreg.geometry.camera import Camera
from jointreg.labels import make
from jointreg.labels.landmarker import BLAZEPOSE_33, MIRROR_33
from jointreg.labels.sides import agree_on_sides, exchange, steady_sides
from jointreg.labels.triangulation import sampson, synchronise, triangulate, undistort
from jointreg.skeleton import H36M_17

SETTINGS = config.Triangulate(weights="", outlier_px=25.0, max_shift=15, smoothing_hz=0.0)
SIZE = (1088, 1920)


def ring(count=4):
    """Cameras on a circle of 4 m, with the lenses of a real laboratory."""
    cameras = []
    for n in range(count):
        angle = 0.4 + 2 * np.pi * n / count + 0.1 * n
        centre = np.array([4 * np.cos(angle), 4 * np.sin(angle), 1.5 + 0.2 * n])
        forward = ([0, 0, 0.9] - centre) / np.linalg.norm([0, 0, 0.9] - centre)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        intrinsics = np.array([[1680.0, 0, 533], [0, 1681, 950], [0, 0, 1]])
        distortion = np.array([-0.046, 0.14, 0.0006, 0.0007, 0.0])
        cameras.append(Camera(f"cam{n}", rotation, -rotation @ centre, intrinsics, distortion, SIZE))
    return cameras


def views(cameras, points_world):
    return np.stack([camera.project(camera.from_world(points_world)) for camera in cameras])


def dancer(frames):
    """33 landmarks that move like a person turning and waving: (frames, 33, 3) metres, z up."""
    rng = np.random.default_rng(3)
    body = rng.uniform([-0.05, -0.05, 0.1], [0.05, 0.05, 1.7], (33, 3))
    for index, name in enumerate(BLAZEPOSE_33):
        body[index, 1] += 0.25 * name.startswith("left") - 0.25 * name.startswith("right")
        if name.startswith("right"):  # as high and as far forward as the left side
            body[index, ::2] = body[BLAZEPOSE_33.index(name.replace("right", "left")), ::2]
        body[index, 1] += 0.05 * (name == "mouth_left") - 0.05 * (name == "mouth_right")
    time = np.arange(frames) / 60
    phase, size = rng.uniform(0, 6, (33, 3)), rng.uniform(0.05, 0.15, (33, 3))
    waving = size * np.sin(2 * np.pi * 0.7 * time[:, None, None] + phase)
    turn = 0.8 * np.sin(2 * np.pi * 0.3 * time)
    cosine, sine, zero = np.cos(turn), np.sin(turn), np.zeros(frames)
    rotation = np.array([[cosine, -sine, zero], [sine, cosine, zero], [zero, zero, zero + 1]])
    return np.einsum("abn,njb->nja", rotation, body + waving)


def test_undistort_inverts_the_lens():
    camera = ring()[0]
    points = np.random.default_rng(0).uniform([-0.3, -0.55], [0.3, 0.55], (50, 2))
    pixels = camera.distort(points) @ camera.intrinsics[:2, :2].T + camera.intrinsics[:2, 2]
    np.testing.assert_allclose(undistort(camera, pixels), points, atol=1e-10)
    assert np.isnan(undistort(camera, np.full((1, 2), np.nan))).all()


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_exact_views_give_the_exact_points(count):
    points = np.random.default_rng(1).uniform([-1, -1, 0], [1, 1, 2], (40, 3))
    seen = views(ring(count), points)
    found = triangulate(ring(count), seen, np.ones(seen.shape[:-1]), outlier_px=20)
    np.testing.assert_allclose(found.points_world, points, atol=1e-7)
    assert found.used.all() and found.residual_px.max() < 1e-3


def test_one_wild_camera_is_left_out_and_named():
    rng = np.random.default_rng(2)
    points = rng.uniform([-1, -1, 0], [1, 1, 2], (60, 3))
    seen = views(ring(), points) + rng.normal(0, 2, (4, 60, 2))
    wild = rng.integers(0, 4, 60)
    turn = rng.uniform(0, 2 * np.pi, 60)
    seen[wild, np.arange(60)] += 300 * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    found = triangulate(ring(), seen, np.ones((4, 60)), outlier_px=20)
    assert np.linalg.norm(found.points_world - points, axis=-1).max() < 0.05
    assert np.mean(~found.used[wild, np.arange(60)]) > 0.95
    assert found.used.sum() >= 0.95 * 180


def test_refinement_is_the_least_squares_answer():
    """Against SciPy's general solver on the same weighted reprojection error."""
    from scipy.optimize import least_squares

    rng = np.random.default_rng(4)
    cameras, points = ring(), rng.uniform([-1, -1, 0], [1, 1, 2], (5, 3))
    seen, weights = views(cameras, points) + rng.normal(0, 4, (4, 5, 2)), rng.uniform(0.2, 1, (4, 5))
    found = triangulate(cameras, seen, weights, outlier_px=100)
    for p in range(5):

        def error(x, p=p):
            return (np.sqrt(weights[:, p, None]) * (views(cameras, x) - seen[:, p])).ravel()

        best = least_squares(error, points[p], xtol=1e-12, ftol=1e-12, gtol=1e-12).x
        np.testing.assert_allclose(found.points_world[p], best, atol=1e-6)


def test_unseen_points_are_nan_and_two_views_suffice():
    points = np.random.default_rng(5).uniform([-1, -1, 0], [1, 1, 2], (3, 3))
    seen, weights = views(ring(), points), np.ones((4, 3))
    weights[1:, 0] = 0
    weights[2:, 1] = 0
    seen[3, 2] = np.nan
    found = triangulate(ring(), seen, weights, outlier_px=20)
    assert np.isnan(found.points_world[0]).all()
    np.testing.assert_allclose(found.points_world[1:], points[1:], atol=1e-7)


def test_sampson_distance_is_the_pixel_distance_to_the_line():
    """A view shifted by 3 px across its epipolar line is 3 px off when the other view may not move."""
    first, second = ring()[:2]
    x = np.array([0.2, -0.1, 1.0])
    a = undistort(first, first.project(first.from_world(x)))
    b = undistort(second, second.project(second.from_world(x)))
    nearer = second.from_world(first.to_world(0.9 * first.from_world(x)))
    along = nearer[:2] / nearer[2] - b
    across = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    distance = abs(sampson(first, second, a, b + 3 / 1680 * across))
    assert abs(sampson(first, second, a, b)) < 1e-9
    assert 1.5 < distance <= 3.001  # both views share the blame: 3 / sqrt(2) for symmetric cameras


@pytest.mark.parametrize("offsets", [(0, 10, 0, 3), (5, 0, 2, 0), (0, 0, 0, 0)])
def test_offsets_come_back_despite_noise_and_a_constant_bias(offsets):
    rng = np.random.default_rng(6)
    cameras, motion = ring(), dancer(110)
    seen = views(cameras, motion)
    tracks = np.stack([np.roll(s, o, axis=0)[15:100] for s, o in zip(seen, offsets, strict=True)])
    tracks += rng.normal(0, 3, tracks.shape) + rng.normal(0, 40, (4, 1, 33, 2))
    found, cost = synchronise(cameras, tracks, np.ones(tracks.shape[:-1]), max_shift=15)
    assert tuple(found) == offsets
    assert cost.shape == (4, 4, 31)


def test_too_few_frames_to_synchronise_is_an_error():
    tracks = views(ring(), dancer(20))
    with pytest.raises(DataError, match="max_shift"):
        synchronise(ring(), tracks, np.ones(tracks.shape[:-1]), max_shift=15)


def test_exchanged_sides_are_found():
    rng = np.random.default_rng(7)
    planted = np.zeros((4, 60), bool)
    planted[1, 20:41] = planted[1, 5] = planted[3, 50:] = True
    tracks = views(ring(), dancer(60)) + rng.normal(0, 4, (4, 60, 33, 2))
    tracks = exchange(tracks, planted, MIRROR_33)
    assert np.array_equal(agree_on_sides(ring(), tracks, MIRROR_33), planted)
    assert np.array_equal(steady_sides(tracks, MIRROR_33), planted)


def test_a_camera_that_is_wrong_throughout_is_set_right_by_the_others():
    planted = np.zeros((4, 40), bool)
    planted[2] = True
    tracks = exchange(views(ring(), dancer(40)), planted, MIRROR_33)
    assert np.array_equal(agree_on_sides(ring(), tracks, MIRROR_33), planted)
    assert not steady_sides(tracks, MIRROR_33).any()


def test_labels_of_a_recording_come_back_through_everything(tmp_path):
    """Offsets, exchanged sides, a wild camera, noise; and the file holds what was made."""
    from jointreg.datasets.multiview import read_recording_labels

    rng = np.random.default_rng(8)
    cameras, motion, offsets = ring(), dancer(90), (0, 7, 0, 2)
    recording = {}
    for camera, offset in zip(cameras, offsets, strict=True):
        track = np.roll(views([camera], motion)[0], offset, axis=0)
        track += rng.normal(0, 1.5, track.shape)
        if camera.name == "cam1":
            track[30:50] = track[30:50, MIRROR_33]
        if camera.name == "cam2":
            track[:, BLAZEPOSE_33.index("left_wrist")] += 200
        recording[camera.name] = {
            "points_px": track,
            "visibility": np.ones(track.shape[:2]),
            "size": np.array(SIZE),
            "rate": np.array(60.0),
        }
    made = make.make_labels({camera.name: camera for camera in cameras}, recording, SETTINGS)
    assert tuple(made["frame_offsets"]) == offsets
    # rolled tracks wrap round: the first frames of late cameras show the end of the motion
    found, truth = made["joints_world"][10:80], make.h36m_joints(motion)[10:80]
    assert np.linalg.norm(found - truth, axis=-1).max() < 0.03
    assert made["swapped"][1, 30 - 7 + 1 : 50 - 7 - 1].all() and made["swapped"].sum() < 30
    wrist = H36M_17.index("left_wrist")
    assert (
        made["used"][2, :, wrist].mean() < 0.05 and np.nanmedian(made["residual_px"][2, :, wrist]) > 150
    )
    assert "left_wrist" in make.reprojection_table(made)
    make.write_labels(tmp_path / "labels.npz", made)
    joints, read_offsets = read_recording_labels(tmp_path / "labels.npz")
    assert np.array_equal(joints, made["joints_world"])
    assert read_offsets == {camera.name: o for camera, o in zip(cameras, offsets, strict=True)}


def test_cameras_of_two_rates_are_refused():
    """Each second picture of a camera, at half the rate: its frames are not the others' moments."""
    cameras, motion = ring(), dancer(90)
    recording = {}
    for k, camera in enumerate(cameras):
        track = views([camera], motion[::2] if k == 3 else motion)[0]
        recording[camera.name] = {
            "points_px": track,
            "visibility": np.ones(track.shape[:2]),
            "size": np.array(SIZE),
            "rate": np.array(30.0 if k == 3 else 60.0),
        }
    with pytest.raises(DataError, match=r"camera cam3 has 30 frames a second, that of camera cam\d 60"):
        make.make_labels({camera.name: camera for camera in cameras}, recording, SETTINGS)


def test_derived_joints_follow_their_stated_rules():
    points = np.random.default_rng(9).normal(size=(33, 3))
    joints = dict(zip(H36M_17, make.h36m_joints(points), strict=True))
    at = dict(zip(BLAZEPOSE_33, points, strict=True))
    hips, shoulders = (
        (at["left_hip"] + at["right_hip"]) / 2,
        (at["left_shoulder"] + at["right_shoulder"]) / 2,
    )
    ears = (at["left_ear"] + at["right_ear"]) / 2
    np.testing.assert_allclose(joints["pelvis"], hips)
    np.testing.assert_allclose(joints["spine"], (hips + shoulders) / 2)
    np.testing.assert_allclose(joints["head_top"] - shoulders, 1.6 * (ears - shoulders))
    np.testing.assert_allclose(joints["right_wrist"], at["right_wrist"])


def test_filter_halves_the_power_at_its_cutoff_and_keeps_slow_motion():
    time = np.arange(600) / 60
    for frequency, gain in ((6.0, 1 / np.sqrt(2)), (0.5, 1.0)):
        wave = np.sin(2 * np.pi * frequency * time)[:, None, None] * np.ones((1, 17, 3))
        filtered = make.smooth(wave, 6.0, 60.0)[100:-100]
        assert abs(np.std(filtered) / np.std(wave[100:-100]) - gain) < 0.01
    with pytest.raises(DataError, match="do not say their frame rate"):
        make.smooth(wave, 6.0, 0.0)


def test_short_gaps_are_bridged_and_long_ones_refused():
    joints = np.linspace(0, 1, 20)[:, None, None] * np.ones((20, 17, 3))
    holed = joints.copy()
    holed[5:9, 3] = np.nan
    np.testing.assert_allclose(make.bridge(holed), joints)
    holed[5:12, 3] = np.nan
    with pytest.raises(DataError, match="left_ankle"):
        make.bridge(holed)
    holed = joints.copy()
    holed[0, 0] = np.nan
    with pytest.raises(DataError, match="pelvis"):
        make.bridge(holed)
