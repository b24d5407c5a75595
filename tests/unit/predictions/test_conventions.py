"""Prediction files as tools write them: planted bodies come back; two readings are refused."""

import pickle
import re
from itertools import pairwise

import numpy as np
import pytest

from jointreg.config import Estimate
from jointreg.config.methods import load_methods, require_bodies
from jointreg.datasets.human36m.pictures import picture
from jointreg.errors import ConfigError, DataError, UnitError
from jointreg.evaluation.evaluate import GIVEN, evaluate_subject, tidy_rows
from jointreg.geometry.rotations import from_6d, to_6d, to_axis_angle
from jointreg.predictions.bodies import estimate
from jointreg.predictions.conventions import bodies, joints
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, H36M_AS_SMPL, SMPL_24, rows
from jointreg.stores import Record

COUNT = 6
TAKES, CAMERAS = ["1", "2"], ["54138969", "60457274"]
NAMES = {"1": "Walking 1", "2": "Walking"}


@pytest.fixture
def truth(make_bodies, generator):
    """Rotations, betas and translation of every row of the frames."""
    return make_bodies(generator, COUNT)


@pytest.fixture
def frames(body, truth):
    """S9 Walking: take 1 by two cameras, take 2 by one; labels are the true skeleton's joints."""
    rotations, betas, translation = truth
    skeleton = body.joints(rotations, betas, translation)
    labels = skeleton[:, rows([H36M_AS_SMPL[name] for name in H36M_17], SMPL_24)]
    identity = {
        "take": np.array([0, 0, 0, 0, 1, 1]),
        "camera": np.array([0, 0, 1, 1, 1, 1]),
        "frame": np.array([0, 5, 0, 5, 0, 5]),
    }
    facts = {"take_names": TAKES, "camera_names": CAMERAS, "take_files": NAMES, "rows": "x"}
    return Record(identity | {"joints_cam": labels}, facts)


@pytest.fixture
def run(tmp_path, body, frames):
    """Function (files=..., kind=..., rows=..., six=..., body, track) -> what `estimate` finds."""
    settings = Estimate(predictions=str(tmp_path), keypoints_iterations=1, keypoints_prior=0.0)
    which = {"method": "net", "subject": "S9", "action": "Walking"}

    def call(files="all.npz", kind="predictions", rows="", six="", **optional):
        reading = {"kind": kind, "files": files, "rows": rows, "six": six} | optional
        return estimate(reading, which, frames, body, settings)

    return call


def spin_names(frames):
    """`imgname` of every row as SPIN has it, frame numbers from 1."""
    return np.array(
        [
            f"images/S9_{NAMES[TAKES[take]].replace(' ', '_')}.{CAMERAS[camera]}_{frame + 1:06d}.jpg"
            for take, camera, frame in zip(frames.take, frames.camera, frames.frame, strict=True)
        ]
    )


def same(found, truth, atol=1e-5):
    assert np.abs(found["rotations"] - truth[0]).max() < atol
    assert np.abs(found["betas"] - truth[1]).max() < atol


def test_spins_result_file_with_the_data_set_file_it_was_run_on(tmp_path, run, frames, truth):
    """Other sequences stand between ours, and `camera` is a weak-perspective camera, no name."""
    rotations, betas, _ = truth
    names = spin_names(frames)
    names = np.concatenate([["images/S11_Eating.54138969_000001.jpg"], names])
    order = np.array([3, 0, 6, 2, 5, 1, 4])
    pose = np.concatenate([np.zeros((1, 72)), to_axis_angle(rotations).reshape(COUNT, 72)])
    shape = np.concatenate([np.zeros((1, 10)), betas])
    np.savez(tmp_path / "p1.npz", pose=pose[order], betas=shape[order], camera=np.ones((COUNT + 1, 3)))
    np.savez(tmp_path / "h36m_valid_protocol1.npz", imgname=names[order], scale=np.ones(COUNT + 1))
    same(run("p1.npz", rows="h36m_valid_protocol1.npz"), truth)


def test_bodies_without_a_place_are_placed_by_the_labels(tmp_path, run, frames, truth):
    np.savez(tmp_path / "all.npz", imgname=spin_names(frames), rotmat=truth[0], betas=truth[1])
    assert np.abs(run()["translation"] - truth[2]).max() < 1e-5


def test_vibes_pickle_of_each_video(tmp_path, run, frames, truth):
    """joblib's stream, two tracks of one person, keys that mean nothing to us."""
    joblib = pytest.importorskip("joblib", reason="joblib writes VIBE's files: pip install joblib")
    rotations, betas, _ = truth
    for take, camera in ((0, 0), (0, 1), (1, 1)):
        chosen = np.flatnonzero((frames.take == take) & (frames.camera == camera))
        tracks = {
            person: {
                "pred_cam": np.ones((1, 3), np.float32),
                "pose": to_axis_angle(rotations[[row]]).reshape(1, 72),
                "betas": betas[[row]],
                "joints2d": None,
                "frame_ids": frames.frame[[row]],
            }
            for person, row in enumerate(chosen, start=1)
        }
        joblib.dump(tracks, tmp_path / f"Walking.{TAKES[take]}.{CAMERAS[camera]}.pkl", compress=3)
    same(run("{action}.{take}.{camera}.pkl"), truth)


def test_4d_humans_tracker_one_person_a_picture(tmp_path, run, frames, truth):
    rotations, betas, _ = truth
    for take, camera in ((0, 0), (0, 1), (1, 1)):
        chosen = np.flatnonzero((frames.take == take) & (frames.camera == camera))
        tracked = {
            f"outputs/img/{frames.frame[row] + 1:06d}.jpg": {
                "time": int(frames.frame[row]),
                "smpl": [
                    {
                        "global_orient": rotations[row, :1],
                        "body_pose": rotations[row, 1:],
                        "betas": betas[row],
                    }
                ],
                "tid": [1],
            }
            for row in chosen
        }
        path = tmp_path / f"{TAKES[take]}.{CAMERAS[camera]}.pkl"
        path.write_bytes(pickle.dumps(tracked))
    same(run("{take}.{camera}.pkl"), truth)
    next(iter(tracked.values()))["smpl"] *= 2
    path.write_bytes(pickle.dumps(tracked))
    with pytest.raises(DataError, match=r"2\.60457274\.pkl: frame 0 has several people"):
        run("{take}.{camera}.pkl")


def test_the_column_track_chooses_a_person_of_every_file(tmp_path, run, frames, truth):
    """VIBE's tracks of two people; the second stands still and is not the labelled one."""
    rotations, betas, _ = truth
    for take, camera in ((0, 0), (0, 1), (1, 1)):
        chosen = np.flatnonzero((frames.take == take) & (frames.camera == camera))
        labelled = {
            "pose": to_axis_angle(rotations[chosen]).reshape(-1, 72),
            "betas": betas[chosen],
            "frame_ids": frames.frame[chosen],
        }
        people = {3: labelled, 8: labelled | {"pose": 0 * labelled["pose"]}}
        path = tmp_path / f"{TAKES[take]}.{CAMERAS[camera]}.pkl"
        path.write_bytes(pickle.dumps(people))
    same(run("{take}.{camera}.pkl", track="3"), truth)
    with pytest.raises(DataError, match=r"several people \(3, 8\)(.|\n)*the column `track`"):
        run("{take}.{camera}.pkl")
    with pytest.raises(DataError, match="no person '5', only 3, 8"):
        run("{take}.{camera}.pkl", track="5")


def test_betas_of_smpl_x_pose_another_body_only_where_the_table_says_so(tmp_path, run, frames, truth):
    pose = np.zeros((COUNT, 165))
    pose[:, :66] = to_axis_angle(truth[0])[:, :22].reshape(COUNT, 66)
    np.savez(tmp_path / "all.npz", imgname=spin_names(frames), poses=pose, betas=truth[1])
    for named in ({}, {"body": "SMPL-X"}):
        with pytest.raises(DataError, match=r"all\.npz: its betas are of SMPL-X"):
            run(**named)
    assert np.abs(run(body="run")["betas"] - truth[1]).max() < 1e-5


def test_mmhuman3ds_human_data(tmp_path, run, frames, truth):
    """Its body parameters are a Python dict inside the npz, its picture names its own."""
    rotations, betas, _ = truth
    for take, camera in ((0, 0), (0, 1), (1, 1)):
        chosen = np.flatnonzero((frames.take == take) & (frames.camera == camera))
        axis_angle = to_axis_angle(rotations[chosen])
        smpl = {
            "global_orient": axis_angle[:, 0],
            "body_pose": axis_angle[:, 1:],
            "betas": betas[chosen],
        }
        np.savez(
            tmp_path / f"{TAKES[take]}.{CAMERAS[camera]}.npz",
            smpl=np.array(smpl, dtype=object),
            image_path=np.array([f"images/{k:06d}.jpg" for k in range(len(chosen))]),
            frame_id=frames.frame[chosen],
            pred_cams=np.ones((len(chosen), 3)),
        )
    same(run("{take}.{camera}.npz"), truth)


def stacked(rotations):
    return rotations[..., :2].swapaxes(-1, -2).reshape(*rotations.shape[:-2], 6)


@pytest.mark.parametrize("form", ["(N, 144)", "(N, 24, 6)", "(N, 24, 3, 2)"])
@pytest.mark.parametrize("convention", ["interleaved", "stacked"])
def test_6d_of_orthonormal_columns_says_itself_which_convention_it_is(truth, form, convention):
    rotations, betas, _ = truth
    six = to_6d(rotations) if convention == "interleaved" else stacked(rotations)
    shapes = {"(N, 144)": (COUNT, 144), "(N, 24, 6)": (COUNT, 24, 6)}
    last = (COUNT, 24, 3, 2) if convention == "interleaved" else (COUNT, 24, 2, 3)
    found = bodies({"pose": six.reshape(shapes.get(form, last)), "betas": betas}, "file", 10)
    same(found, truth)


def test_6d_as_networks_leave_it_needs_to_be_told_and_is_not_told_wrongly(truth, generator):
    """Raw numbers: columns of any length and angle, which Gram-Schmidt makes a rotation of."""
    raw = to_6d(truth[0]) * 1.3 + generator.normal(0, 0.1, (COUNT, 24, 6))
    with pytest.raises(DataError, match="two ways, and the numbers do not decide"):
        bodies({"pose": raw, "betas": truth[1]}, "file", 10)
    found = bodies({"pose": raw, "betas": truth[1]}, "file", 10, "interleaved")["rotations"]
    assert np.abs(found - from_6d(raw)).max() < 1e-12
    a, b = raw[..., :3], raw[..., 3:]  # stacked, by hand
    first = a / np.linalg.norm(a, axis=-1, keepdims=True)
    third = np.cross(first, b)
    third /= np.linalg.norm(third, axis=-1, keepdims=True)
    by_hand = np.stack([first, np.cross(third, first), third], axis=-1)
    found = bodies({"pose": raw, "betas": truth[1]}, "file", 10, "stacked")["rotations"]
    assert np.abs(found - by_hand).max() < 1e-12
    with pytest.raises(
        DataError, match="six is stacked, but the columns of its 6D rotations are interleaved"
    ):
        bodies({"pose": to_6d(truth[0]), "betas": truth[1]}, "file", 10, "stacked")


def test_the_wrong_convention_does_not_pass_as_a_number(tmp_path, run, frames, truth, generator):
    raw = to_6d(truth[0]) * generator.uniform(0.5, 2, (COUNT, 24, 1))
    np.savez(tmp_path / "all.npz", imgname=spin_names(frames), pose=raw, betas=truth[1])
    same(run(six="interleaved"), truth)
    with pytest.raises(DataError, match=r"trunk points .* degrees"):
        run(six="stacked")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pose": np.full((COUNT, 72), 30.0)}, UnitError, "probably degrees"),
        ({"pose": np.ones((COUNT, 96))}, DataError, r"shape \(6, 96\), expected N rows of 24"),
        ({"pose": np.ones((COUNT, 3, 24))}, DataError, r"shape \(6, 3, 24\)"),
        ({"rotmat": np.ones((COUNT, 24, 3, 3))}, DataError, "rotations of row 0 are no rotations"),
        ({"betas": np.ones((COUNT, 300))}, DataError, "10 shape directions"),
        ({"translation": np.full((COUNT, 3), 4500.0)}, UnitError, "probably millimetres"),
        ({"translation": np.zeros((COUNT, 2))}, DataError, "translation has shape"),
        ({"pose": np.array(["a"])}, DataError, "expected numbers"),
    ],
)
def test_numbers_that_mean_something_else_are_refused(truth, change, error, message):
    values = {"pose": to_axis_angle(truth[0]), "betas": truth[1]} | change
    with pytest.raises(error, match=message):
        bodies(values, "file", 10)


def test_a_truth_beside_the_prediction_is_not_taken_for_it(truth):
    """What trainers save holds the batch too: `betas` are its truth beside `pred_betas`."""
    rotations, betas, _ = truth
    same = {"pred_rotmat": rotations, "pose": to_axis_angle(rotations), "pred_betas": betas}
    found = bodies(same | {"betas": betas, "shape": np.array([224, 224])}, "a.npz", 10)
    assert np.abs(found["rotations"] - rotations).max() < 1e-5
    for wrong, keys in (
        ({"betas": betas + 0.1}, "betas and pred_betas"),
        ({"pose": to_axis_angle(rotations[::-1])}, "pred_rotmat and pose"),
    ):
        with pytest.raises(DataError, match=f"has {keys}, which differ"):
            bodies(same | wrong, "a.npz", 10)


def test_shapes_that_say_less_or_more_than_smpl(truth):
    """SMPL-X's 55 joints lose their hands; 300 betas of which ten count; one shape for all rows."""
    axis_angle = to_axis_angle(truth[0])
    long = np.concatenate([axis_angle[:, :22], np.full((COUNT, 33, 3), 0.3)], axis=1)
    wide = np.concatenate([truth[1], np.zeros((COUNT, 290))], axis=1)
    found = bodies({"fullpose": long.reshape(COUNT, 165), "betas": wide}, "file", 10)
    assert np.abs(found["rotations"][:, :22] - truth[0][:, :22]).max() < 1e-5
    assert np.array_equal(found["rotations"][:, 22:], np.tile(np.eye(3), (COUNT, 2, 1, 1)))
    assert np.array_equal(found["betas"], truth[1])
    one = bodies({"pose": axis_angle, "betas": truth[1][0]}, "file", 10)
    assert np.array_equal(one["betas"], np.tile(truth[1][0], (COUNT, 1)))


def test_bodies_in_another_frame_of_reference_are_refused(tmp_path, run, frames, truth):
    """The same bodies with y up, as many tools draw them."""
    turned = truth[0].copy()
    turned[:, 0] = np.diag([1.0, -1.0, -1.0]) @ turned[:, 0]
    np.savez(tmp_path / "all.npz", imgname=spin_names(frames), rotmat=turned, betas=truth[1])
    with pytest.raises(DataError, match=r"trunk points 1\d\d degrees"):
        run()


def test_rows_that_nothing_names_are_refused(tmp_path, run, frames, truth):
    plain = {"rotmat": truth[0], "betas": truth[1]}
    np.savez(tmp_path / "all.npz", **plain)
    with pytest.raises(DataError, match="does not name the frame of each row"):
        run()
    np.savez(tmp_path / "all.npz", **plain, imgname=[f"{k}.png" for k in range(COUNT)])
    with pytest.raises(DataError, match=r"picture '0.png' is none of"):
        run()
    np.savez(tmp_path / "all.npz", **plain, imgname=spin_names(frames)[:-1])
    with pytest.raises(DataError, match="6 rows of rotations, but 5 frames"):
        run()
    np.savez(tmp_path / "all.npz", **plain, imgname=np.char.replace(spin_names(frames), "S9", "S1"))
    with pytest.raises(DataError, match=r"is of S9 Walking: .*such as S9_Walking\.\d{8}_000001"):
        run()


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("images/S9_Directions.60457274_000001.jpg", ("S9", "", "", "Directions", "60457274", 0)),
        ("S1_TakingPhoto_1.54138969_000126.jpg", ("S1", "", "", "TakingPhoto 1", "54138969", 125)),
        ("S11_Sitting 2.55011271_002000.jpg", ("S11", "", "", "Sitting 2", "55011271", 1999)),
        (
            "processed/S9/WalkingDog-2/imageSequence/58860488/img_000065.jpg",
            ("S9", "WalkDog", "2", "", "58860488", 64),
        ),
        ("s_09_act_14_subact_02_ca_04_000011.jpg", ("S9", "Walking", "2", "", "60457274", 10)),
    ],
)
def test_pictures_are_called_in_three_ways(name, meaning):
    assert tuple(picture(name)) == meaning


@pytest.mark.parametrize("name", ["000001.jpg", "s_09_act_99_subact_02_ca_04_000011.jpg", "S9_x_1.jpg"])
def test_other_names_mean_nothing(name):
    assert picture(name) is None


def labels_of(frames):
    return frames.joints_cam.copy()


@pytest.mark.parametrize("unit", [1.0, 1000.0])
@pytest.mark.parametrize("first", ["left", "right", "named"])
def test_joints_come_in_both_units_and_orders(frames, unit, first):
    points = labels_of(frames)
    values = {"joints": points * unit}
    if first == "right":
        values = {"joints": points[:, rows(H36M_17_RIGHT_FIRST)] * unit}
    if first == "named":
        values = {"joints": points[:, ::-1] * unit, "joint_names": np.array(H36M_17[::-1])}
    assert np.abs(joints(values, "file") - points).max() < 1e-6


def test_joints_that_are_none_are_refused(frames):
    points = labels_of(frames)
    for values, error, message in (
        ({"joints": points[:, :14]}, DataError, r"\(lsp_14, .*or give all 17.* `--joints 14` counts"),
        ({"joints": points[:, :16]}, DataError, r"\(mpii_16\)"),
        ({"joints": points * 25.4}, UnitError, "expected 0.5 to 1.3 m"),
        ({"pose": np.zeros((1, 72))}, DataError, "expected one of joints_cam"),
        ({"joints": np.full((1, 17, 3), np.nan)}, DataError, "not a number"),
    ):
        with pytest.raises(error, match=message):
            joints(values, "file")
    undecided = np.concatenate([points, points[:, rows(H36M_17_RIGHT_FIRST)]])
    with pytest.raises(DataError, match="the order of the joints does not show"):
        joints({"joints": undecided}, "file")


def test_a_method_with_joints_only_is_scored_as_given(tmp_path, run, body, frames, open_config):
    """Every joint but the pelvis 10 mm off: MPJPE is 10 x 16/17, whatever regressors there are."""
    points = labels_of(frames)
    points[:, 1:, 0] += 0.010
    np.savez(tmp_path / "all.npz", imgname=spin_names(frames), joints=points * 1000)
    found = run(kind="joints")
    assert found.keys() == {"joints"}
    store = Record(found, {"rows": "x"})
    regressors = {"std": np.zeros((17, body.n_vertices)), "spin": np.zeros((17, body.n_vertices))}
    protocol = open_config.evaluate
    errors, facts = evaluate_subject(body, {"Walking": (frames, store)}, regressors, protocol)
    table = tidy_rows(errors, facts, method="net", subject="S9")
    assert {row["regressor"] for row in table} == {GIVEN}
    mpjpe = [row["value_mm"] for row in table if row["metric"] == "mpjpe"]
    assert np.allclose(mpjpe, 10 * 16 / 17, atol=1e-3)
    with pytest.raises(DataError, match=r"lacks rotations(.|\n)*kind joints"):
        run()


def test_the_worked_example_of_the_page(root, tmp_path, monkeypatch, run, frames, truth):
    """The block of Python and the row of docs/methods.md, as they stand there."""
    page = (root / "docs/methods.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (row,) = re.findall(r"```tsv\nname\t.*?\n(hmr2\t.*?)\n```", page)
    (tmp_path / "predictions/hmr2").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    batches = list(pairwise((0, 2, 5, COUNT)))
    outputs = [
        {"global_orient": truth[0][a:b, :1], "body_pose": truth[0][a:b, 1:], "betas": truth[1][a:b]}
        for a, b in batches
    ]
    exec(block, {"np": np, "names": spin_names(frames), "outputs": outputs})
    head = (root / "config/methods.tsv").read_text().splitlines()[0]
    (tmp_path / "methods.tsv").write_text(f"{head}\n{row}\n")
    method = load_methods("methods.tsv", required=["hmr2"])["hmr2"]
    assert (method.label, method.paper, method.kind) == ("HMR2.0", "", "predictions")
    same(run(f"predictions/{method.files}", method.kind, method.rows, method.six), truth)


def test_a_table_of_methods_may_have_the_columns_body_and_track(root, tmp_path):
    """Without them, or empty, nothing of what rule `estimate` depends on is another."""
    head = (root / "config/methods.tsv").read_text().splitlines()[0]
    path = tmp_path / "methods.tsv"
    path.write_text(f"{head}\nnet\tpredictions\tNet\t\tx.npz\t\t\t-\n")
    plain = load_methods(path)["net"]
    assert set(plain.reading()) == {"kind", "files", "rows", "six"}
    wide = head.replace("\tabout", "\tbody\ttrack\tabout")
    path.write_text(f"{wide}\nnet\tpredictions\tNet\t\tx.npz\t\t\t\t\t-\n")
    assert load_methods(path)["net"] == plain
    path.write_text(f"{head}\ttrack\tbody\nnet\tpredictions\tNet\t\tx.npz\t\t\t-\t7\tSMPL-X\n")
    reading = load_methods(path)["net"].reading()
    assert reading == plain.reading() | {"body": "SMPL-X", "track": "7"}


def test_rows_of_the_table_of_methods_that_cannot_be(root, tmp_path):
    head = (root / "config/methods.tsv").read_text().splitlines()[0]
    path = tmp_path / "methods.tsv"
    for row, message in (
        ("net\tguess\tNet\t\tx.npz\t\t\t-", "kind is 'guess', expected one of predictions, joints"),
        ("net\tpredictions\tNet\t\t{person}.npz\t\t\t-", r"placeholders may be \{subject\}"),
        ("net\tpredictions\tNet\t\tx.npz\t\tboth\t-", "six is 'both'"),
    ):
        path.write_text(f"{head}\n{row}\n")
        with pytest.raises(ConfigError, match=message):
            load_methods(path)
    row = "net\tpredictions\tNet\t\tx.npz\t\t\t-"
    for columns, cells, message in (
        ("\tbody", "\tGHUM", "body is 'GHUM', expected one of SMPL, SMPL-H, SMPL-X, run"),
        ("\tcolour", "\tred", "columns are .*, and perhaps body, track"),
        ("\ttrack\ttrack", "\t1\t1", "columns are"),
        ("\ttrack", "", "row 1 has 8 columns, expected 9"),
    ):
        path.write_text(f"{head}{columns}\n{row}{cells}\n")
        with pytest.raises(ConfigError, match=message):
            load_methods(path)
    path.write_text(f"{head}\ttrack\nnet\tkeypoints\tNet\t\t\t\t\t-\t3\n")
    with pytest.raises(ConfigError, match="for methods that come from files, kind is 'keypoints'"):
        load_methods(path)
    path.write_text(f"{head}\nnet\tpredictions\tNet\t\t\t\t\t-\n")
    assert load_methods(path)["net"].files == "net/{subject}/{action}.npz"
    for kind in ("joints", "vertices"):
        path.write_text(f"{head}\nnet\t{kind}\tNet\t\tx.npz\t\t\t-\n")
        with pytest.raises(ConfigError, match="no bodies to refine"):
            require_bodies(load_methods(path), "net")
    path.write_text(f"{head}\tmap\nnet\tvertices\tNet\t\tx.npz\t\t\t-\tsmplx2smpl.pkl\n")
    assert load_methods(path)["net"].reading()["map"] == "smplx2smpl.pkl"
    path.write_text(f"{head}\tmap\n{row}\tsmplx2smpl.pkl\n")
    with pytest.raises(ConfigError, match="map is for methods of the kind vertices"):
        load_methods(path)
