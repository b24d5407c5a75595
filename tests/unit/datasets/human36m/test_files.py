"""Human3.6M's layout: genuine calibration numbers, a written data set read back, and damaged ones."""

from pathlib import Path
from xml.etree import ElementTree

import cdflib.cdfwrite
import cv2
import numpy as np
import pytest
from capture_scene import walk, write_video
from project import ROOT

from jointreg import config
from jointreg.config.sequences import Work
from jointreg.datasets.checks import check_recording
from jointreg.datasets.human36m.metadata import CAMERAS, image_size, read_metadata, write_metadata
from jointreg.datasets.readers import open_dataset
from jointreg.errors import ConfigError, DataError, JointregError
from jointreg.geometry.camera import Camera
from jointreg.skeleton import H36M_17_IN_32

S1_FIRST = (
    "-1.38382776045614 -3.16734304390158 0.413636308164621 "
    "1841.10702774543 4955.28462344526 1563.4453958977"
)
S9_FOURTH = (
    "-1.30216364078597 -3.20525794988117 -2.73209048976503 "
    "-1696.04347097168 -3827.09988628541 1591.41272727883"
)
LENS = (
    "1145.04940458804 1143.78109572365 512.541504956548 515.4514869776 -0.207098910824901 "
    "0.247775183068982 -0.00307515035078854 -0.00142447157470321 -0.000975698859470499"
)


def genuine_metadata(path: Path, head: str = "", rows: str = "") -> Path:
    numbers = ["0"] * 300
    numbers[0:6], numbers[246:252] = S1_FIRST.split(), S9_FOURTH.split()
    for index in range(4):
        numbers[264 + 9 * index : 273 + 9 * index] = LENS.split()
    path.write_text(
        f"{head}<root><mapping><tr><td/><td/><td>S1</td><td>S2</td></tr>{rows}</mapping>"
        f"<w0>[{' '.join(numbers)}]</w0></root>"
    )
    return path


def test_the_genuine_cameras_are_reproduced(tmp_path):
    cameras = read_metadata(genuine_metadata(tmp_path / "metadata.xml")).cameras
    assert set(cameras) == {(1, 0), (9, 3)}
    first = cameras[1, 0]
    # Published to 9 decimals: half a unit of the last one is the whole tolerance.
    published = [
        [-0.915361732, 0.401808366, 0.025747545],
        [0.051548117, 0.180373569, -0.982246490],
        [-0.399319034, -0.897783611, -0.185819527],
    ]
    assert np.abs(first.rotation - published).max() < 5.01e-10
    assert np.abs(first.translation * 1000 - (-346.0508, 546.9808, 5474.4811)).max() < 5.01e-5
    assert (first.name, first.size) == ("54138969", (1000, 1002))
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = map(float, LENS.split())
    assert np.array_equal(first.intrinsics, [[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    assert np.array_equal(first.distortion, [k1, k2, p1, p2, k3])
    fourth = cameras[9, 3]
    assert np.abs(fourth.translation * 1000 - (-69.2713, 422.1843, 4457.8934)).max() < 5.01e-5
    assert np.abs(fourth.rotation[2] - (0.399362881, 0.877695935, -0.264875696)).max() < 5.01e-10


def test_image_heights_follow_camera_and_subject():
    assert [image_size(1, c)[1] for c in range(4)] == [1002, 1000, 1000, 1002]
    assert [image_size(7, c)[1] for c in range(4)] == [1002] * 4


def test_mapping_takes_numbered_rows_only(tmp_path):
    rows = (
        "<tr><td>2</td><td>1</td><td>Directions 1</td><td>Directions 2</td></tr>"
        "<tr><td></td><td></td><td>[1000 1002;1000 1000]</td><td>[1000 1002]</td></tr>"
    )
    metadata = read_metadata(genuine_metadata(tmp_path / "metadata.xml", rows=rows))
    assert metadata.mapping == {(2, 1): {1: "Directions 1", 2: "Directions 2"}}


@pytest.mark.parametrize(
    ("head", "rows", "message"),
    [
        ('<!DOCTYPE r [<!ENTITY a "b">]>', "", "DOCTYPE"),
        ("", "<tr><td>2</td><td>1</td><td>../../etc</td></tr>", "no file name"),
        ("", "<tr>", "not well-formed"),
    ],
)
def test_unsafe_or_broken_metadata_is_refused(tmp_path, head, rows, message):
    with pytest.raises(DataError, match=message):
        read_metadata(genuine_metadata(tmp_path / "metadata.xml", head, rows))


def ring(generator: np.random.Generator) -> list[Camera]:
    """Four cameras around the origin of a room whose z points up, with Human3.6M's lens."""
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = map(float, LENS.split())
    cameras = []
    for index, angle in enumerate(np.deg2rad([40, 130, 220, 310])):
        position = np.array([5 * np.cos(angle), 5 * np.sin(angle), 1.5]) + generator.normal(0, 0.05, 3)
        z = -position / np.linalg.norm(position)
        x = np.cross(z, [0, 0, 1.0]) / np.linalg.norm(np.cross(z, [0, 0, 1.0]))
        rotation = np.stack([x, np.cross(z, x), z])
        cameras.append(
            Camera(
                CAMERAS[index],
                rotation,
                -rotation @ position,
                np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
                np.array([k1, k2, p1, p2, k3]),
                image_size(1, index),
            )
        )
    return cameras


def test_written_cameras_are_read_back_and_public_readers_find_their_elements(tmp_path, rng):
    cameras = {subject: ring(rng) for subject in (1, 11)}
    mapping = {(9, 1): {1: "Sitting 1", 11: "Sitting"}, (9, 2): {1: "Sitting", 11: "Sitting 1"}}
    write_metadata(tmp_path / "metadata.xml", cameras, mapping)
    read = read_metadata(tmp_path / "metadata.xml")
    assert read.mapping == mapping
    for subject, row in cameras.items():
        for index, camera in enumerate(row):
            again = read.cameras[subject, index]
            # Angles are written to nine decimals of a radian; five metres away that is 5e-9 m.
            assert np.abs(again.rotation - camera.rotation).max() < 2e-9
            assert np.abs(again.translation - camera.translation).max() < 1e-8
            assert np.array_equal(again.intrinsics, camera.intrinsics)
            assert np.array_equal(again.distortion, camera.distortion)
    root = ElementTree.parse(tmp_path / "metadata.xml").getroot()
    text = root.find("w0").text
    assert text[0] + text[-1] == "[]"
    assert len([float(x) for x in text[1:-1].split()]) == 300
    assert [e.text for e in root.find("dbcameras/index2id")] == list(CAMERAS)
    assert root.find("actionnames")[8].text == "Sitting"


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def write_pose(path: Path, pose: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    file = cdflib.cdfwrite.CDF(path)
    spec = {"Variable": "Pose", "Data_Type": 45, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": []}
    flat = pose.reshape(1, len(pose), -1)
    file.write_var(spec | {"Dim_Sizes": list(flat.shape[1:])}, var_data=flat)
    file.close()


FRAMES = 6
CAMERA = CAMERAS[2]
SEQUENCE = Work("S1", "Photo", ("1", "2"), (CAMERA,), 1, 4, "train")


@pytest.fixture
def data(tmp_path, rng):
    """S1 TakingPhoto (take 1) and Photo 1 (take 2) of one camera; returns root and labels by name."""
    cameras = ring(rng)
    root = tmp_path / "raw"
    write_metadata(
        root / "metadata.xml", {1: cameras}, {(12, 1): {1: "TakingPhoto"}, (12, 2): {1: "Photo 1"}}
    )
    camera = read_metadata(root / "metadata.xml").cameras[1, 2]  # its angles are rounded in the file
    labels = {}
    for name in ("TakingPhoto", "Photo 1"):
        joints_cam = rng.normal([0, 0, 5], 1, (FRAMES, 32, 3))
        joints_cam[:, H36M_17_IN_32] = walk(FRAMES)
        features = root / "S1" / "MyPoseFeatures"
        write_pose(features / "D3_Positions" / f"{name}.cdf", camera.to_world(joints_cam) * 1000)
        write_pose(features / "D3_Positions_mono" / f"{name}.{CAMERA}.cdf", joints_cam * 1000)
        pixels, _ = cv2.projectPoints(
            joints_cam.reshape(-1, 3), np.zeros(3), np.zeros(3), camera.intrinsics, camera.distortion
        )
        write_pose(features / "D2_Positions" / f"{name}.{CAMERA}.cdf", pixels.reshape(FRAMES, 32, 2))
        pictures = np.full((FRAMES, 1000, 1000, 3), 128, np.uint8)
        write_video(root / "S1" / "Videos" / f"{name}.{CAMERA}.mp4", pictures)
        labels[name] = joints_cam[:, H36M_17_IN_32]
    return root, labels


def settings(root: Path, **more: object) -> config.Dataset:
    values = {"damaged": "", "skip_damaged": True, "calibration": "metadata.xml"} | more
    return config.Dataset(source="human36m", root=str(root), **values)


def test_a_sequence_is_read_by_the_mapping_table(data):
    root, labels = data
    dataset = open_dataset(settings(root))
    assert dataset.takes("S1", "Photo") == ["1", "2"]
    first, second = dataset.recordings(SEQUENCE)
    assert (first.take, second.take) == ("1", "2")
    assert first.frames == range(1, 5)
    for recording, name in ((first, "TakingPhoto"), (second, "Photo 1")):
        assert np.abs(recording.joints_cam - labels[name]).max() < 1e-9
        apart = recording.camera.project(recording.joints_cam) - recording.joints_image_px
        assert np.abs(apart).max() < 1e-6
        check_recording(recording)


def test_without_world_labels_the_camera_frame_labels_serve_and_that_is_printed(data, capsys):
    root, labels = data
    for file in (root / "S1/MyPoseFeatures/D3_Positions").iterdir():
        file.unlink()
    first, _ = open_dataset(settings(root)).recordings(SEQUENCE)
    assert np.abs(first.joints_cam - labels["TakingPhoto"]).max() < 1e-9
    assert "TakingPhoto.cdf is no file: labels are those of" in capsys.readouterr().out


def test_takes_outside_the_mapping_go_by_name_numbered_first(data, capsys):
    root, _ = data
    cameras = [read_metadata(root / "metadata.xml").cameras[1, index] for index in range(4)]
    write_metadata(root / "metadata.xml", {1: cameras}, {})
    first, second = open_dataset(settings(root)).recordings(SEQUENCE)
    assert (first.video.stem, second.video.stem) == (f"Photo 1.{CAMERA}", f"TakingPhoto.{CAMERA}")
    assert "not in the mapping" in capsys.readouterr().out


def damaged_table(path: Path, take: str, camera: str) -> str:
    path.write_text(
        f"subject\taction\ttake\tcamera\treason\nS1\tPhoto\t{take}\t{camera}\tshifted labels\n"
    )
    return str(path)


def test_damaged_takes_are_left_out_and_said_so(data, tmp_path, capsys):
    root, _ = data
    table = damaged_table(tmp_path / "damaged.tsv", "2", "*")
    kept = open_dataset(settings(root, damaged=table)).recordings(SEQUENCE)
    assert [recording.take for recording in kept] == ["1"]
    assert "left out, damaged: shifted labels" in capsys.readouterr().out
    assert len(open_dataset(settings(root, damaged=table, skip_damaged=False)).recordings(SEQUENCE)) == 2
    other = damaged_table(tmp_path / "other.tsv", "2", CAMERAS[0])
    assert len(open_dataset(settings(root, damaged=other)).recordings(SEQUENCE)) == 2


def test_the_table_of_damaged_recordings_is_well_formed():
    from jointreg.datasets.damaged import read_damaged

    damaged = read_damaged(ROOT / "config/damaged/human36m.tsv")
    assert {(d.subject, d.action, d.take) for d in damaged} == {
        ("S9", "Greeting", "2"),
        ("S9", "SittingDown", "2"),
        ("S9", "Waiting", "1"),
        ("S11", "Directions", "2"),
    }


def fault_missing_root(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))


def fault_missing_video(root: Path) -> None:
    (root / f"S1/Videos/Photo 1.{CAMERA}.mp4").unlink()


def fault_missing_labels(root: Path) -> None:
    for file in (root / "S1/MyPoseFeatures").glob("*/Photo 1*"):
        file.unlink()


def fault_truncated_video(root: Path) -> None:
    video = root / f"S1/Videos/Photo 1.{CAMERA}.mp4"
    video.write_bytes(video.read_bytes()[:500])


def fault_truncated_labels(root: Path) -> None:
    labels = root / "S1/MyPoseFeatures/D3_Positions/Photo 1.cdf"
    labels.write_bytes(labels.read_bytes()[:300])


def fault_resized_video(root: Path) -> None:
    write_video(root / f"S1/Videos/Photo 1.{CAMERA}.mp4", np.zeros((FRAMES, 500, 500, 3), np.uint8))


def fault_nan(root: Path) -> None:
    pose = np.full((FRAMES, 32, 3), 100.0)
    pose[3, 7, 1] = np.nan
    write_pose(root / "S1/MyPoseFeatures/D3_Positions/Photo 1.cdf", pose)


def fault_other_calibration(root: Path) -> None:
    cameras = [read_metadata(root / "metadata.xml").cameras[1, index] for index in (2, 3, 0, 1)]
    write_metadata(
        root / "metadata.xml", {1: cameras}, {(12, 1): {1: "TakingPhoto"}, (12, 2): {1: "Photo 1"}}
    )


def fault_no_camera(root: Path) -> None:
    cameras = [read_metadata(root / "metadata.xml").cameras[1, index] for index in range(4)]
    write_metadata(root / "metadata.xml", {5: cameras}, {})


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (fault_missing_root, "does not exist(.|\n)*next:.*Human3.6M"),
        (fault_missing_video, f"Photo 1.{CAMERA}.mp4 does not exist(.|\n)*next:"),
        (fault_missing_labels, "labels .*Photo 1.cdf does not exist(.|\n)*next:"),
        (fault_truncated_video, "truncated or damaged"),
        (fault_truncated_labels, "no readable CDF"),
        (fault_resized_video, "500 x 500 px, expected 1000 x 1000"),
        (fault_nan, "frame 3, joint 7 of 32 is NaN"),
        (fault_other_calibration, "mm apart in the frame of camera"),
        (fault_no_camera, f"no camera {CAMERA} for S1"),
    ],
)
def test_damaged_data_is_refused_by_name(data, fault, message):
    root, _ = data
    fault(root)
    with pytest.raises(DataError, match=message):
        open_dataset(settings(root)).recordings(SEQUENCE)


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        (Work("S1", "_ALL", ("1",), (CAMERA,), 0, -1, "train"), "action '_ALL'"),
        (Work("S1", "Juggling", ("1",), (CAMERA,), 0, -1, "train"), "action 'Juggling'"),
        (Work("S1", "Photo", ("1",), ("12345678",), 0, -1, "train"), "camera '12345678'"),
        (Work("S1", "Photo", ("1",), (CAMERA,), 0, 6, "train"), "frames 0 to 6 of a take with 6"),
        (Work("S1", "Walking", ("1",), (CAMERA,), 0, -1, "train"), "no files for Walking take 1"),
        (Work("S1", "Photo", ("01",), (CAMERA,), 0, -1, "train"), "take '01' of S1 Photo: expected"),
        (Work("S1", "Photo", ("9" * 5000,), (CAMERA,), 0, -1, "train"), "expected a sub-action number"),
        (Work("P7", "Photo", ("1",), (CAMERA,), 0, -1, "train"), "subject 'P7'"),
    ],
)
def test_impossible_sequences_are_refused_by_name(data, sequence, message):
    with pytest.raises(JointregError, match=message):
        open_dataset(settings(data[0])).recordings(sequence)


def test_a_missing_table_of_damaged_recordings_is_an_error(data):
    with pytest.raises(ConfigError, match=r"none\.tsv does not exist"):
        open_dataset(settings(data[0], damaged="none.tsv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S1\tWalking\t1\t*", "row 1 has 4 columns, expected 5"),
        ("S1\tWalking \t1\t*\tx", "without blanks around them"),
        ("subject\taction\ttake\tcamera\treason", "row 1: the columns' names stand twice"),
        ('S1\tWalking\t1\t"*\tx', "expected a subject S1 to S11"),
        ("S12\tWalking\t1\t*\tx", "S12 Walking take 1 camera"),
        ("S1\tWaking\t1\t*\tx", "S1 Waking take 1 camera"),
    ],
)
def test_rows_of_the_damaged_table_that_match_nothing_are_refused(data, tmp_path, text, message):
    path = tmp_path / "damaged.tsv"
    path.write_text("subject\taction\ttake\tcamera\treason\n" + text + "\n")
    with pytest.raises(ConfigError, match=message):
        open_dataset(settings(data[0], damaged=str(path)))


def test_a_damaged_table_that_is_no_utf8_is_named(tmp_path):
    from jointreg.datasets.damaged import read_damaged

    (tmp_path / "damaged.tsv").write_bytes(b"subject\xff\n")
    with pytest.raises(ConfigError, match="is not text in UTF-8"):
        read_damaged(tmp_path / "damaged.tsv")
