"""Raw files of a run: what is gone stops the plan, what changed changes the state of what reads it."""

import json
import os

import numpy as np
import pytest

from jointreg import config
from jointreg.config.examples import Example
from jointreg.config.methods import Method
from jointreg.config.sequences import Work
from jointreg.datasets.human36m.metadata import ACTIONS, CAMERAS, write_metadata
from jointreg.errors import ConfigError
from jointreg.geometry.camera import Camera
from jointreg.pipeline.raw_files import LISTED, RawData

WALK = Work("P1", "Walking", ("walk",), ("left", "right"), 0, -1, "train")
SIT = Work("P2", "Sitting", ("sit",), ("left",), 0, -1, "test")
FILES = Method("theirs", "predictions", "", "", "theirs/{subject}.npz", "", "", "")


def room(name, position):
    return Camera(
        name=name,
        intrinsics=np.array([[1145.0, 0, 512], [0, 1143.0, 515], [0, 0, 1]]),
        distortion=np.zeros(5),
        rotation=np.diag([1.0, -1, -1]),
        translation=np.array(position),
        size=(1000, 1000),
    )


@pytest.fixture
def folder(tmp_path):
    """Two recordings: files with a few bytes stand for videos, labels and predictions."""
    camera = {
        "matrix": [[1000, 0, 500], [0, 1000, 500], [0, 0, 1]],
        "distortions": [0, 0, 0, 0],
        "rotation": [0, 0, 0],
        "size": [1000, 1000],
    }
    cameras = {
        name: camera | {"name": name, "translation": [x, 0.0, 4.0]}
        for name, x in (("left", -1.0), ("right", 1.0), ("top", 0.0))
    }
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/room.json").write_text(json.dumps({"unit": "m", **cameras}))
    for name in ("walk/left.mp4", "walk/right.avi", "walk/labels.npz", "sit/left.mp4", "sit/labels.npz"):
        path = tmp_path / "raw" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "predictions/theirs").mkdir(parents=True)
    for subject in ("P1", "P2"):
        (tmp_path / f"predictions/theirs/{subject}.npz").write_bytes(b"bodies")
    return tmp_path


@pytest.fixture
def plan(root, folder):
    """Function (changes of the configuration, work) -> the raw files as a new plan sees them."""
    files = config.read_yaml(root / "config/config.yaml")

    def make(work=(WALK, SIT), examples=(), source="multiview", calibration="room.json", **watching):
        dataset = {"source": source, "root": str(folder / "raw"), "damaged": ""}
        dataset["calibration"] = str(folder / "raw" / calibration)
        values = files | {
            "dataset": files["dataset"] | dataset,
            "raw_files": files["raw_files"] | watching,
            "estimate": files["estimate"] | {"predictions": str(folder / "predictions")},
            "methods": ["theirs"],
            "initial": "theirs",
            "body": "open",
        }
        loaded, methods = config.load(values), {"theirs": FILES}
        return RawData(loaded, work, methods, examples, folder / "results/raw_files.tsv")

    return make


def states(raw):
    """State of everything that some rule reads of the two recordings."""
    return {
        "P1": raw.state("P1"),
        "P1 Walking": raw.state("P1", "Walking"),
        "P2": raw.state("P2"),
        "predictions P1": raw.state_of_predictions("theirs", ["P1/Walking"]),
        "predictions P2": raw.state_of_predictions("theirs", ["P2/Sitting"]),
    }


def changed(before, after):
    assert set(before) == set(after)
    return {name for name in before if before[name] != after[name]}


def later(path):
    """Give a file another time, and nothing else."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))


def test_a_state_is_a_short_text_and_the_same_again(plan):
    first = states(plan())
    assert first == states(plan())
    assert all(len(state) < 60 for state in first.values())
    assert first["P1"].startswith("raw files: 4,")  # calibration, two videos, labels


@pytest.mark.parametrize(
    ("name", "readers"),
    [
        ("raw/walk/right.avi", {"P1", "P1 Walking"}),
        ("raw/walk/labels.npz", {"P1", "P1 Walking"}),
        ("raw/sit/left.mp4", {"P2"}),
        ("raw/room.json", {"P1", "P1 Walking", "P2"}),
        ("predictions/theirs/P2.npz", {"predictions P2"}),
    ],
)
def test_a_replaced_file_changes_the_state_of_what_reads_it(plan, folder, name, readers):
    by_times, by_contents = states(plan()), states(plan(changed="contents"))
    path = folder / name
    content = path.read_bytes()
    later(path)
    assert changed(by_times, states(plan())) == readers
    assert not changed(by_contents, states(plan(changed="contents")))
    status = path.stat()
    other = content.replace(b"4.0", b"4.5") if path.suffix == ".json" else content[::-1]
    path.write_bytes(other)  # of the same size and time
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert changed(by_contents, states(plan(changed="contents"))) == readers


def test_a_file_that_nobody_reads_changes_nothing(plan, folder):
    before = states(plan())
    (folder / "raw/walk/notes.txt").write_text("x")
    (folder / "raw/walk/top.mp4").write_text("a camera that the table does not name")
    assert states(plan()) == before


def test_contents_are_read_once_for_each_size_and_time(plan, folder, capsys):
    plan(changed="contents").require()
    assert capsys.readouterr().err.count("sha256 of") == 8  # each of the files once
    again = plan(changed="contents")
    again.require()
    assert not capsys.readouterr().err
    later(folder / "raw/sit/left.mp4")
    plan(changed="contents").require()
    (line,) = capsys.readouterr().err.splitlines()
    assert "sit/left.mp4" in line


@pytest.mark.parametrize(
    ("work", "gone", "lines"),
    [
        ((WALK,), "walk/left.mp4", ["P1 Walking, take walk, camera left: {}/walk/left.mp4"]),
        ((SIT,), "sit/labels.npz", ["P2 Sitting, take sit, camera left: {}/sit/labels.npz"]),
        ((WALK,), "", ["P2 Sitting, take run, camera left: recording {}/run does not exist"]),
        ((WALK,), "", ["P2 Sitting, take sit, camera back: camera 'back' is not in the calibration"]),
        ((WALK,), "", ["P2 Sitting, take sit, camera top: {}/sit/top.mp4"]),
    ],
)
def test_what_is_gone_or_unknown_stops_the_plan_with_its_row(plan, folder, work, gone, lines):
    plan(work).require()
    if gone:
        (folder / "raw" / gone).unlink()
    else:
        words = lines[0].split(":")[0].split(", ")
        take, camera = words[1].split()[1], words[2].split()[1]
        work = (*work, Work("P2", "Sitting", (take,), (camera,), 0, -1, "test"))
    with pytest.raises(ConfigError) as caught:
        plan(work).require()
    for line in lines:
        assert line.format(folder / "raw") in str(caught.value)
    assert "docs/own_data.md" in str(caught.value) and "missing: keep" in str(caught.value)


def test_only_predictions_that_the_run_needs_are_asked_for(plan, folder):
    """Both: the initial method's training bodies, and its test bodies for Table I."""
    (folder / "predictions/theirs/P1.npz").unlink()
    plan((SIT,)).require()
    with pytest.raises(ConfigError, match=r"predictions of theirs for P1 Walking: .*/theirs/P1\.npz"):
        plan((WALK, SIT)).require()


def test_many_missing_files_are_counted_by_subject(plan, folder):
    count = LISTED + 5
    rows = [Work("P1", f"A{n}", ("walk",), ("top", "left"), 0, -1, "train") for n in range(count)]
    with pytest.raises(ConfigError) as caught:
        plan(rows).require()
    lines = [line for line in str(caught.value).splitlines() if " of P1" in line]
    first = f"P1 A0, take walk, camera top: {folder}/raw/walk/top.mp4"
    assert len(lines) == 1
    assert lines[0].startswith(
        f"  {count} of {2 * count} recordings of P1, first {first}; the folder has"
    )


def test_a_link_to_nothing_is_said_to_be_one(plan, folder):
    video = folder / "raw/walk/left.mp4"
    video.unlink()
    video.symlink_to(folder / "archive/left.mp4")
    words = f"{video} is a link to {folder}/archive/left.mp4, which does not exist"
    with pytest.raises(ConfigError, match=f"camera left: {words}"):
        plan((WALK,)).require()
    video.rename(video.with_suffix(".mov"))  # not the first ending that a video may have
    with pytest.raises(ConfigError, match=r"camera left: .*left\.mov is a link to"):
        plan((WALK,)).require()


def test_deleted_videos_are_kept_where_that_is_chosen(plan, folder):
    for changed_by in ("times", "contents"):
        plan(changed=changed_by).require()
    keep = {name: {"changed": name, "missing": "keep"} for name in ("times", "contents")}
    before = {name: states(plan(changed=name)) for name in keep}
    for video in ("walk/left.mp4", "walk/right.avi", "sit/left.mp4"):
        (folder / "raw" / video).unlink()
    with pytest.raises(ConfigError, match=r"camera right: .*right\.mp4"):
        plan().require()
    for name, watching in keep.items():
        raw = plan(**watching)
        raw.require()
        assert states(raw) == before[name]
    # Labels that are still there are watched, and what no plan has seen is missing.
    later(folder / "raw/sit/labels.npz")
    assert changed(before["times"], states(plan(missing="keep"))) == {"P2"}
    with pytest.raises(ConfigError, match="camera top"):
        plan((Work("P1", "Walking", ("walk",), ("top",), 0, -1, "train"),), missing="keep").require()


def test_landmarks_read_every_camera_and_no_labels(plan, folder):
    """The labels are made by the workflow: they may be missing, and are not watched."""
    (folder / "raw/walk/labels.npz").unlink()
    with pytest.raises(ConfigError, match=r"take walk, camera top: .*walk/top\.mp4"):
        plan((WALK,), source="landmarks").require()
    (folder / "raw/walk/top.mp4").write_bytes(b"top")
    raw = plan((WALK,), source="landmarks")
    raw.require()
    before = raw.state_of_take("walk"), raw.state("P1")
    later(folder / "raw/walk/top.mp4")
    raw = plan((WALK,), source="landmarks")
    assert raw.state_of_take("walk") != before[0] and raw.state("P1") == before[1]


@pytest.fixture
def human36m(folder):
    """Recordings of S1 in both layouts; metadata.xml names one take that is not there."""
    cameras = [room(name, (0.1 * n, 0, 4.0)) for n, name in enumerate(CAMERAS)]
    walking = ACTIONS["Walking"]
    names = {(walking, 1): {1: "Walking 1"}, (walking, 2): {1: "Walking"}}
    write_metadata(folder / "raw/metadata.xml", {1: cameras}, names)
    return folder / "raw"


def write(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_human36m_in_the_official_layout(plan, human36m):
    row = Work("S1", "Walking", ("1",), CAMERAS[:2], 0, -1, "test")
    raw, write_all = human36m / "S1", ["D3_Positions/Walking 1.cdf"]
    for name in write_all:
        write(raw / "MyPoseFeatures" / name)
    for camera in CAMERAS[:2]:
        write(raw / f"Videos/Walking 1.{camera}.mp4")

    def see(work=row):
        plan_ = plan((work,), source="human36m", calibration="metadata.xml")
        plan_.methods["theirs"] = Method("theirs", "keypoints", "", "", "", "", "", "")
        return plan_

    see().require()
    before = see().state("S1", "Walking")
    later(raw / f"Videos/Walking 1.{CAMERAS[1]}.mp4")
    second = see().state("S1", "Walking")
    assert second != before
    write(raw / f"MyPoseFeatures/D2_Positions/Walking 1.{CAMERAS[0]}.cdf")  # 2D labels, a check
    assert see().state("S1", "Walking") != second
    pixels = raw / f"MyPoseFeatures/D2_Positions/Walking 1.{CAMERAS[1]}.cdf"
    pixels.symlink_to(raw / "archive")  # optional, so no link would do
    with pytest.raises(ConfigError, match=f"{pixels} is a link to {raw}/archive, which does not"):
        see().require()
    pixels.unlink()
    video = raw / f"Videos/Walking 1.{CAMERAS[0]}.mp4"
    video.unlink()
    words = f"S1 Walking, take 1, camera {CAMERAS[0]}: {video}"
    with pytest.raises(ConfigError, match=words) as caught:
        see().require()
    assert str(caught.value).count("S1 Walking") == 1
    with pytest.raises(ConfigError, match=r"take 2, camera 54138969: .*Videos/Walking\.54138969\.mp4"):
        see(Work("S1", "Walking", ("2",), CAMERAS[:1], 0, -1, "test")).require()
    with pytest.raises(ConfigError, match=r"take 3, camera 54138969: .*no files for Walking take 3"):
        see(Work("S1", "Walking", ("3",), CAMERAS[:1], 0, -1, "test")).require()
    with pytest.raises(ConfigError, match=r"metadata\.xml has no camera 54138969 for S5"):
        see(Work("S5", "Walking", ("1",), CAMERAS[:1], 0, -1, "test")).require()


@pytest.mark.parametrize(
    "there",
    [f"S2/Videos/Walking 1.{CAMERAS[0]}.mp4", "S1/Walking-1/annot.h5"],
    ids=["official", "fetch"],
)
def test_subjects_whose_labels_are_not_published_are_named(plan, human36m, there):
    cameras = [room(name, (0.1 * n, 0, 4.0)) for n, name in enumerate(CAMERAS)]
    names = {(ACTIONS["Walking"], 1): {2: "Walking 1"}}
    write_metadata(human36m / "metadata.xml", {2: cameras}, names)
    write(human36m / there)
    row = Work("S2", "Walking", ("1",), CAMERAS[:1], 0, -1, "test")
    with pytest.raises(
        ConfigError, match=r"labels of S2 are not published; Human3\.6M has those of S1, S5,"
    ):
        plan((row,), source="human36m", calibration="metadata.xml").require()


def test_human36m_as_pictures(plan, human36m):
    """A picture that is replaced in place, and a folder of them that is gone."""
    row = Work("S1", "Walking", ("1",), CAMERAS[:1], 0, -1, "test")
    folder = human36m / "S1/Walking-1"
    write(folder / "annot.h5")
    pictures = folder / "imageSequence" / CAMERAS[0]
    for number in range(3):
        write(pictures / f"img_{number + 1:06d}.jpg")

    def see(**watching):
        made = plan((row,), source="human36m", calibration="metadata.xml", **watching)
        made.methods["theirs"] = Method("theirs", "keypoints", "", "", "", "", "", "")
        return made

    by_times, by_contents = see().state("S1"), see(changed="contents").state("S1")
    later(pictures / "img_000002.jpg")
    assert see().state("S1") != by_times
    assert see(changed="contents").state("S1") == by_contents
    write(pictures / "img_000002.jpg", b"another")
    assert see(changed="contents").state("S1") != by_contents
    pictures.rename(pictures.with_name("away"))
    with pytest.raises(ConfigError, match=f"take 1, camera {CAMERAS[0]}: {pictures}"):
        see().require()
    (folder / "annot.h5").unlink()
    write(human36m / "S1/Sitting-1/annot.h5")
    with pytest.raises(ConfigError, match=r"Walking-1/annot\.h5 does not exist"):
        see().require()


def test_data_that_the_workflow_makes_are_not_looked_at(plan, folder):
    raw = plan(source="synthetic")
    raw.require()
    assert set(states(raw).values()) == {""}
    assert not (folder / "results").exists()


def test_a_drawn_test_sequence_needs_the_initial_bodies(plan, folder):
    (folder / "predictions/theirs/P2.npz").unlink()
    raw = plan(examples=[Example("P2", "Sitting", (0,))])
    raw.config = raw.config.model_copy(update={"methods": ["other"]})
    raw.methods["other"] = Method("other", "keypoints", "", "", "", "", "", "")
    with pytest.raises(ConfigError, match="predictions of theirs for P2 Sitting"):
        raw.require()
    raw.drawn = set()
    raw.require()
