"""The second layout: a tree of h36m-fetch, made from the official layout, is the same data set."""

import shutil

import cv2
import h5py
import numpy as np
import pytest

from jointreg import stores
from jointreg.config import Background, Dataset, Prepare
from jointreg.config.sequences import Work
from jointreg.datasets.human36m.files import read_pose
from jointreg.datasets.human36m.layouts import human36m_layout
from jointreg.datasets.human36m.metadata import ACTIONS, CAMERAS, read_metadata
from jointreg.datasets.readers import open_dataset
from jointreg.datasets.video import read_frames
from jointreg.errors import DataError
from jointreg.frames.prepare import prepare
from jointreg.segmentation.background import background_model
from jointreg.segmentation.segment import Footage, segment
from jointreg.stores import Record
from jointreg.synthetic.parameters import load_parameters
from jointreg.synthetic.rig import write_rig
from jointreg.synthetic.subject import write_subject

FRAMES = 5
SEEN = CAMERAS[:2]
SEQUENCE = Work("S1", "WalkDog", ("1", "2"), SEEN, 0, -1, "train")


@pytest.fixture(scope="module")
def official(tmp_path_factory, root):
    """S1 with its own name for the action, two takes, two cameras, as the official download.

    Without labels in the room's frame: those of each camera's frame are what h36m-fetch copies, so that
    both layouts agree to the last bit.
    """
    folder = tmp_path_factory.mktemp("official")
    parameters = load_parameters(root / "config/generator.yaml")
    write_rig(folder, folder / "truth", parameters, ["S1"], ["WalkDog"], ["1", "2"], SEEN, seed=0)
    takes = {"WalkDog": ["1", "2"]}
    write_subject("S1", folder, folder / "truth", parameters, takes, SEEN, FRAMES, 5.0, seed=0)
    shutil.rmtree(folder / "S1/MyPoseFeatures/D3_Positions")
    return folder


def processed(official, target, keep=lambda frames: frames, suffix=".png"):
    """What h36m-fetch makes of it; with .png the pictures lose nothing, under their usual names."""
    metadata = read_metadata(official / "metadata.xml")
    shutil.copy(official / "metadata.xml", target / "metadata.xml")
    features = official / "S1/MyPoseFeatures"
    for take in ("1", "2"):
        name = metadata.mapping[ACTIONS["WalkDog"], int(take)][1]
        folder = target / f"S1/WalkingDog-{take}"
        parts = {key: [] for key in ("pose/2d", "pose/3d", "pose/3d-univ", "camera", "frame")}
        intrinsics = {}
        for camera in SEEN:
            frames = np.asarray(keep(np.arange(FRAMES)))
            cam = read_pose(features / f"D3_Positions_mono/{name}.{camera}.cdf", 3)[frames]
            parts["pose/3d"].append(cam)
            parts["pose/3d-univ"].append(cam * 0.9)
            pixels = read_pose(features / f"D2_Positions/{name}.{camera}.cdf", 2)[frames]
            parts["pose/2d"].append(pixels)
            parts["camera"].append(np.full(len(frames), int(camera)))
            parts["frame"].append(frames + 1)
            k = metadata.cameras[1, CAMERAS.index(camera)].intrinsics
            intrinsics[camera] = np.array([k[0, 0], k[0, 2], k[1, 1], k[1, 2]])
            shown = folder / "imageSequence" / camera
            shown.mkdir(parents=True)
            for frame, picture in read_frames(official / f"S1/Videos/{name}.{camera}.mp4", frames):
                quality = [cv2.IMWRITE_JPEG_QUALITY, 92] if suffix == ".jpg" else []
                done, raw = cv2.imencode(suffix, picture[..., ::-1], quality)
                assert done
                (shown / f"img_{frame + 1:06d}.jpg").write_bytes(raw.tobytes())
        with h5py.File(folder / "annot.h5", "w") as file:
            for key, part in parts.items():
                file[key] = np.concatenate(part)
            for camera, numbers in intrinsics.items():
                file[f"intrinsics/{camera}"] = numbers
    return target


def settings(root):
    return Dataset(
        source="human36m",
        root=str(root),
        calibration=str(root / "metadata.xml"),
        damaged="",
        skip_damaged=True,
    )


def read(root, step=1):
    recordings = open_dataset(settings(root)).recordings(SEQUENCE)
    return (recordings, *prepare(recordings, Prepare(frame_step=step, margin_m=0.25)))


def test_both_layouts_give_the_same_frames_and_masks(official, tmp_path, open_config):
    assert human36m_layout(official) == "official"
    tree = processed(official, tmp_path)
    assert human36m_layout(tree) == "h36m_fetch"
    assert open_dataset(settings(tree)).takes("S1", "WalkDog") == ["1", "2"]
    results = []
    for root in (official, tree):
        recordings, frames, facts = read(root)
        room = Record(*background_model(recordings, Background(max_frames=20)))
        footage = Footage(Record(frames, facts), recordings, room)
        masks, _ = segment(footage, open_config.segment)
        results.append((frames, facts, masks))
    (frames, facts, masks), (again, same_facts, same_masks) = results
    assert facts == same_facts
    assert facts["take_files"] == {"1": "WalkingDog", "2": "WalkingDog 1"}
    assert set(frames) == set(stores.FRAMES.arrays)
    for key, value in frames.items():
        assert np.array_equal(value, again[key]), key
    assert masks["score"].min() > 0
    assert np.array_equal(masks["masks"], same_masks["masks"])


def test_real_jpegs_change_the_pictures_by_a_few_grey_values_and_nothing_else(official, tmp_path):
    _, frames, _ = read(official)
    _, again, _ = read(processed(official, tmp_path, suffix=".jpg"))
    for key, value in frames.items():
        if key != "crops":
            assert np.array_equal(value, again[key]), key
    apart = np.abs(frames["crops"].astype(int) - again["crops"])
    assert 0 < apart.mean() < 3


def test_a_tree_of_every_third_frame_is_the_third_of_the_data_set(official, tmp_path):
    tree = processed(official, tmp_path, keep=lambda frames: frames[::3])
    _, wanted, facts = read(official, step=3)
    for step in (1, 3):  # 1: all that are kept
        _, found, found_facts = read(tree, step=step)
        assert found_facts == facts
        for key, value in wanted.items():
            assert np.array_equal(value, found[key]), key
    with pytest.raises(DataError, match=r"frame 2 is wanted (.|\n)*frame_step: 1"):
        read(tree, step=2)


def test_a_tree_of_moving_frames_only_is_read_whole(official, tmp_path):
    """h36m-fetch's training subjects: frames of any distance."""
    tree = processed(official, tmp_path, keep=lambda frames: [0, 1, 4])
    _, found, _ = read(tree)
    assert found["frame"].tolist() == [0, 1, 4] * 4
    with pytest.raises(DataError, match="frame 2 is wanted"):
        read(tree, step=2)


def test_h36m_fetchs_extracted_folder_is_the_official_layout_under_other_names(official, tmp_path):
    shutil.copytree(official, tmp_path / "extracted")
    features = tmp_path / "extracted/S1/MyPoseFeatures"
    for folder in list(features.iterdir()):
        folder.rename(features.parent / f"Poses_{folder.name}")
    features.rmdir()
    _, wanted, facts = read(official)
    _, found, found_facts = read(tmp_path / "extracted")
    assert found_facts == facts
    for key, value in wanted.items():
        assert np.array_equal(value, found[key]), key


def no_annotations(tree):
    (tree / "S1/WalkingDog-1/annot.h5").unlink()


def truncated(tree):
    path = tree / "S1/WalkingDog-1/annot.h5"
    path.write_bytes(path.read_bytes()[:1500])


def no_picture(tree):
    (tree / f"S1/WalkingDog-1/imageSequence/{SEEN[0]}/img_000004.jpg").unlink()


def damaged_picture(tree):
    path = tree / f"S1/WalkingDog-1/imageSequence/{SEEN[0]}/img_000004.jpg"
    path.write_bytes(path.read_bytes()[:100])


def old_tool(tree):
    with h5py.File(tree / "S1/WalkingDog-1/annot.h5", "a") as file:
        del file["pose/3d"]


def no_camera(tree):
    with h5py.File(tree / "S1/WalkingDog-1/annot.h5", "a") as file:
        file["camera"][...] = int(SEEN[0])


def millimetres(tree):
    with h5py.File(tree / "S1/WalkingDog-1/annot.h5", "a") as file:
        file["pose/3d"][...] = file["pose/3d"][...] / 1000


def changed_array(key, change):
    def edit(tree):
        with h5py.File(tree / "S1/WalkingDog-1/annot.h5", "a") as file:
            values = np.asarray(file[key])
            del file[key]
            change(file, key, values)

    return edit


def dangling(file, key, values):
    file[key] = h5py.SoftLink("/nowhere")


def text(file, key, values):
    file[key] = [b"a"] * len(values)


def shorter(file, key, values):
    file[key] = values[:-1]


def group(file, key, values):
    file.create_group(key)


def scalar(file, key, values):
    file[key] = 3


def huge(file, key, values):
    file.create_dataset(key, shape=(10**9, 32, 3), dtype="f8", chunks=(100, 32, 3))


def far(file, key, values):
    file[key] = values + 10**8


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (changed_array("frame", dangling), "not a readable HDF5 file"),
        (changed_array("frame", text), "frame is .*expected numbers"),
        (changed_array("frame", far), "are not distinct numbers from 1"),
        (changed_array("camera", shorter), "different numbers of rows"),
        (changed_array("pose/2d", group), "lacks pose/2d"),
        (changed_array("camera", scalar), "camera is .*expected numbers"),
        (changed_array("pose/3d", huge), "more than any recording"),
        (no_annotations, r"WalkDog-1/annot.h5 does not exist; S1 has WalkingDog-1"),
        (truncated, "not a readable HDF5 file"),
        (no_picture, "1 of 5 labelled frames have no picture, first img_000004.jpg"),
        (damaged_picture, "img_000004.jpg: not a readable picture"),
        (old_tool, "lacks pose/3d\n.*newer h36m-fetch"),
        (no_camera, "distinct numbers"),
        (millimetres, "expected 0.5 to 1.3 m|lie .* px"),
    ],
)
def test_damaged_trees_are_refused_by_name(official, tmp_path, fault, message):
    tree = processed(official, tmp_path)
    fault(tree)
    with pytest.raises(Exception, match=message) as error:
        read(tree)
    assert type(error.value).__module__ == "jointreg.errors"


def test_other_folders_are_told_what_they_are(official, tmp_path):
    with pytest.raises(DataError, match=r"known layout(.|\n)*found nothing(.|\n)*docs/human36m\.md"):
        human36m_layout(tmp_path)
    (tmp_path / "processed").mkdir()
    with pytest.raises(DataError, match=r"set dataset\.root to .*processed"):
        human36m_layout(tmp_path)
    shutil.rmtree(tmp_path / "processed")
    (tmp_path / "Poses_D3_Positions_S1.tgz").touch()
    with pytest.raises(DataError, match="unpack the archives"):
        human36m_layout(tmp_path)
    (tmp_path / "S1/Eating-1/imageSequence").mkdir(parents=True)
    (tmp_path / "Poses_D3_Positions_S1.tgz").unlink()
    with pytest.raises(DataError, match=r"annot\.h5 is missing"):
        human36m_layout(tmp_path)
