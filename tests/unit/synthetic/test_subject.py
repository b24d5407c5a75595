"""The files of the open data set: layout, agreement between them, truth, and the same bytes again."""

import hashlib
from pathlib import Path

import av
import cdflib
import numpy as np
import pytest

from jointreg.body import load_body
from jointreg.datasets.human36m.metadata import ACTIONS as NUMBERS
from jointreg.datasets.human36m.metadata import read_metadata
from jointreg.errors import ConfigError, DataError
from jointreg.regressor import load_regressor
from jointreg.skeleton import H36M_17_IN_32
from jointreg.synthetic.layout import LABEL_STEP, REPEATED, recording_name
from jointreg.synthetic.motion.actions import ACTIONS as ALL_ACTIONS
from jointreg.synthetic.motion.kinematics import figure
from jointreg.synthetic.motion.stances import seat_height
from jointreg.synthetic.parameters import Parameters
from jointreg.synthetic.render import build_scene
from jointreg.synthetic.rig import write_rig
from jointreg.synthetic.subject import write_subject
from jointreg.synthetic.truth import Masks, read_bodies

SUBJECTS, ACTIONS, TAKES = ("S1", "S5"), ("Directions", "Walking"), ("1", "2")
CAMERAS = ("60457274", "55011271")
FRAMES, RATE, SEED = 3, 5.0, 11
SUMS = {
    "labels": 175798.33823,
    "predictions": 1199.3086677,
    "bodies": 540.83947762,
    "masks": 73148620.0,
    "J_true": 0.14558051343,
}
"""Of `_sums`, when the generator had one world only."""
J_STD_SUM = 4.9581573


def _write(folder: Path, parameters: Parameters, seed: int = SEED) -> tuple[Path, Path]:
    root, truth = folder / "data", folder / "truth"
    write_rig(root, truth, parameters, SUBJECTS, list(ALL_ACTIONS), TAKES, CAMERAS, seed)
    work = {"Directions": ("1",), "Walking": ("1", "2")}
    write_subject("S5", root, truth, parameters, work, CAMERAS, FRAMES, RATE, seed)
    return root, truth


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, parameters: Parameters) -> tuple[Path, Path]:
    return _write(tmp_path_factory.mktemp("open"), parameters)


def _cdf(path: Path) -> np.ndarray:
    return np.asarray(cdflib.CDF(path).varget("Pose"))


def _frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_every_file_lies_where_the_real_data_set_has_it(written: tuple[Path, Path]) -> None:
    root, truth = written
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    names = {"Directions 1", "Walking 1", "Walking 2"}
    poses = {f"S5/MyPoseFeatures/D3_Positions/{name}.cdf" for name in names}
    for name in names:
        for camera in CAMERAS:
            poses |= {
                f"S5/Videos/{name}.{camera}.mp4",
                f"S5/MyPoseFeatures/D3_Positions_mono/{name}.{camera}.cdf",
                f"S5/MyPoseFeatures/D2_Positions/{name}.{camera}.cdf",
            }
    methods = ("sim_spin", "sim_vibe", "sim_meva", "sim_other")
    poses |= {f"predictions/{m}/S5/{a}.npz" for m in methods for a in ACTIONS}
    assert found == poses | {"metadata.xml", "J_regressor_h36m.npy"}
    hidden = {str(path.relative_to(truth)) for path in truth.rglob("*") if path.is_file()}
    assert hidden == {"J_true.npy"} | {f"{k}/S5/{a}.npz" for k in ("bodies", "masks") for a in ACTIONS}


def test_the_mapping_names_every_take_of_the_fifteen_actions(written: tuple[Path, Path]) -> None:
    mapping = read_metadata(written[0] / "metadata.xml").mapping
    assert set(ALL_ACTIONS) == set(NUMBERS) - {"_ALL"}
    assert set(mapping) == {(number, take) for number in range(2, 17) for take in (1, 2)}
    for action, number in NUMBERS.items():
        if action == "_ALL":
            continue
        # Two actions have names of their own with S1; S5 counts its takes from 1.
        own = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog"}.get(action, action)
        assert mapping[number, 1] == {1: own, 5: f"{action} 1"}
        assert mapping[number, 2] == {1: f"{own} 1", 5: f"{action} 2"}


def test_labels_agree_in_world_camera_and_pixels(written: tuple[Path, Path]) -> None:
    root, _ = written
    folder = root / "S5" / "MyPoseFeatures"
    cameras = {c.name: c for (s, _), c in read_metadata(root / "metadata.xml").cameras.items() if s == 5}
    assert len(cameras) == 4
    for name in ("Directions 1", "Walking 1", "Walking 2"):
        world = _cdf(folder / "D3_Positions" / f"{name}.cdf")
        assert world.shape == (1, FRAMES, 96)
        world = world[0].reshape(FRAMES, 32, 3)
        assert 1300 < np.ptp(world[0, :, 2]) < 2500  # millimetres
        for row, same in REPEATED.items():
            np.testing.assert_array_equal(world[:, row], world[:, same])
        for camera in CAMERAS:
            file = f"{name}.{camera}.cdf"
            mono = _cdf(folder / "D3_Positions_mono" / file)[0].reshape(FRAMES, 32, 3)
            pixels = _cdf(folder / "D2_Positions" / file)
            assert pixels.shape == (1, FRAMES, 64)
            expected = cameras[camera].from_world(world / 1000)
            # Each of both is rounded to half a step.
            np.testing.assert_allclose(mono, 1000 * expected, atol=1.4 * LABEL_STEP)
            # The data set's own formula for the lens, written out independently.
            k, (k1, k2, p1, p2, k3) = cameras[camera].intrinsics, cameras[camera].distortion
            x, y = (mono[..., :2] / mono[..., 2:]).transpose(2, 0, 1)
            r2 = x**2 + y**2
            radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
            tangential = 2 * p1 * y + 2 * p2 * x
            u = k[0, 0] * (x * (radial + tangential) + p2 * r2) + k[0, 2]
            v = k[1, 1] * (y * (radial + tangential) + p1 * r2) + k[1, 2]
            pixels = pixels[0].reshape(FRAMES, 32, 2)
            assert not np.any(pixels % LABEL_STEP) and not np.any(mono % LABEL_STEP)
            np.testing.assert_allclose(pixels, np.stack([u, v], -1), atol=LABEL_STEP)


def test_true_bodies_carry_the_labels(written: tuple[Path, Path], parameters: Parameters) -> None:
    root, truth = written
    body = load_body("open")
    true = load_regressor(truth / "J_true.npy", body)
    offset = []
    for action, takes in (("Directions", ("1",)), ("Walking", TAKES)):
        bodies = read_bodies(truth, "S5", action)
        joints = true.apply(
            body.vertices(bodies["rotations"], bodies["betas"], bodies["translation"]).astype(np.float64)
        )
        rows = list(zip(bodies["take"], bodies["camera"], bodies["frame"], strict=True))
        assert rows == [(t, c, f) for t in takes for c in CAMERAS for f in range(FRAMES)]
        for index, (take, camera, frame) in enumerate(rows):
            file = f"{recording_name('S5', action, take)}.{camera}.cdf"
            mono = _cdf(root / "S5" / "MyPoseFeatures" / "D3_Positions_mono" / file)[0, frame]
            labels = mono.reshape(32, 3)[list(H36M_17_IN_32)] / 1000
            offset.append(np.linalg.norm(labels - joints[index], axis=1))
    # Nothing but the subject's label offset stands between them, of constant length in every frame.
    assert np.std(offset, axis=0).max() < 2e-5
    expected = parameters.labels.subject_offset_m
    assert 0.5 * expected < np.min(offset) < np.max(offset) < 1.51 * expected


def test_predictions_are_rows_of_the_videos_and_near_the_truth(written: tuple[Path, Path]) -> None:
    root, truth = written
    true = read_bodies(truth, "S5", "Walking")
    body = load_body("open")
    with np.load(root / "predictions" / "sim_spin" / "S5" / "Walking.npz") as archive:
        found = {key: archive[key] for key in archive.files}
    assert set(found) == {"rotations", "betas", "translation", "take", "camera", "frame"}
    for key in ("take", "camera", "frame"):
        np.testing.assert_array_equal(found[key], true[key])
    keys = ("rotations", "betas", "translation")
    joints = [body.joints(*(part[key].astype(np.float64) for key in keys)) for part in (found, true)]
    across = np.linalg.norm((joints[0] - joints[1])[:, 0, :2], axis=1)
    assert across.max() < 0.15
    depth = joints[0][:, 0, 2] / joints[1][:, 0, 2] - 1
    assert np.abs(depth).max() < 0.15
    relative = joints[0] - joints[0][:, :1] - joints[1] + joints[1][:, :1]
    assert 0.03 < np.linalg.norm(relative, axis=-1).mean() < 0.12


def test_video_shows_the_person_where_mask_and_labels_say(
    written: tuple[Path, Path], parameters: Parameters
) -> None:
    root, truth = written
    number = {"60457274": 3, "55011271": 1}
    cameras = read_metadata(root / "metadata.xml").cameras
    masks = Masks(truth, "S5", "Walking")
    height = seat_height(figure(load_body("open"), np.array(parameters.person("S5").betas)))
    for name in CAMERAS:
        camera = cameras[5, number[name]]
        frames = _frames(root / "S5" / "Videos" / f"Walking 1.{name}.mp4")
        assert frames.shape == (FRAMES, camera.size[1], camera.size[0], 3)
        scene = build_scene(camera, parameters.room, height)
        pixels = _cdf(root / "S5" / "MyPoseFeatures" / "D2_Positions" / f"Walking 1.{name}.cdf")
        for frame in range(FRAMES):
            covered = masks.coverage("1", name, frame, camera.size)
            difference = np.abs(frames[frame] - scene.room_srgb).mean(axis=-1)
            assert np.median(difference[covered == 255]) > 25
            assert np.median(difference[covered == 0]) < 3
            joints = pixels[0, frame].reshape(32, 2)[list(H36M_17_IN_32)]
            at = np.round(joints).astype(int)
            assert (covered[at[:, 1], at[:, 0]] > 0).mean() > 0.9
    with pytest.raises(DataError, match="frame 99"):
        masks.coverage("1", CAMERAS[0], 99, (1000, 1002))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_motion(
    written: tuple[Path, Path], tmp_path: Path, parameters: Parameters
) -> None:
    def digests(root: Path, truth: Path) -> dict[str, str]:
        return {
            str(path.relative_to(base)): hashlib.sha256(path.read_bytes()).hexdigest()
            for base in (root, truth)
            for path in sorted(base.rglob("*"))
            if path.is_file()
        }

    first = digests(*written)
    assert digests(*_write(tmp_path / "again", parameters)) == first
    other = digests(*_write(tmp_path / "other", parameters, seed=SEED + 1))
    same = {name for name in first if other[name] == first[name]}
    assert same == {"metadata.xml", "J_true.npy"}


def _sums(root: Path, truth: Path) -> dict[str, float]:
    """A number for each kind of file, to which every one of its values contributes."""

    def sums(path: Path, *keys: str) -> float:
        with np.load(path) as archive:
            return sum(float(np.abs(archive[key].astype(np.float64)).sum()) for key in keys)

    names = ("rotations", "betas", "translation")
    return {
        "labels": float(np.abs(_cdf(root / "S5/MyPoseFeatures/D3_Positions/Walking 1.cdf")).sum()),
        "predictions": sums(root / "predictions/sim_other/S5/Walking.npz", *names),
        "bodies": sums(truth / "bodies/S5/Directions.npz", *names),
        "masks": sums(truth / "masks/S5/Walking.npz", "coverage"),
        "J_true": float(np.square(np.load(truth / "J_true.npy")).sum()),
    }


def test_the_simplest_world_stays_as_it_is(written: tuple[Path, Path]) -> None:
    """The demo's numbers rest on it, whatever other worlds are added."""
    root, truth = written
    assert _sums(root, truth) == pytest.approx(SUMS, rel=1e-6)
    # Its last digits depend on how many threads the linear algebra has.
    standard = np.square(np.load(root / "J_regressor_h36m.npy")).sum()
    assert standard == pytest.approx(J_STD_SUM, rel=1e-2)


def test_bad_work_is_refused_by_name(
    written: tuple[Path, Path], tmp_path: Path, parameters: Parameters
) -> None:
    root, truth = written
    with pytest.raises(ConfigError, match="action 'Juggling'"):
        write_subject("S5", root, truth, parameters, {"Juggling": ("1",)}, CAMERAS, 1, RATE, 0)
    with pytest.raises(ConfigError, match="camera '123'"):
        write_subject("S5", root, truth, parameters, {}, ("123",), 1, RATE, 0)
    with pytest.raises(ConfigError, match="take is 'a'"):
        write_subject("S5", root, truth, parameters, {"Walking": ("a",)}, CAMERAS[:1], 1, RATE, 0)
    with pytest.raises(ConfigError, match="'S2'"):
        write_rig(tmp_path, tmp_path, parameters, ("S2",), ("Walking",), TAKES, CAMERAS, 0)
    with pytest.raises(DataError, match=r"metadata\.xml"):
        write_subject("S5", tmp_path, tmp_path, parameters, {}, CAMERAS, 1, RATE, 0)
    with pytest.raises(DataError, match="truth of the open data set"):
        read_bodies(tmp_path, "S5", "Walking")
