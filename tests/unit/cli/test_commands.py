"""The command line: what it writes and prints, its exit codes, and that its help loads nothing heavy."""

import csv
import hashlib
import importlib
import io
import json
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from matplotlib.image import imread

from jointreg import __version__, metrics
from jointreg.cli import main
from jointreg.evaluation.label_files import read_labelled_frames
from jointreg.exchange.placement import expected_joints
from jointreg.regressor import Regressor, load_regressor, save_regressor
from jointreg.skeleton import H36M_14, H36M_17, H36M_17_RIGHT_FIRST, rows


@pytest.fixture(scope="module")
def weights(body):
    """Twice six vertices near each joint, (2, 17, V): two regressors that differ."""
    generator = np.random.default_rng(11)
    found = np.zeros((2, 17, body.n_vertices))
    for j, joint in enumerate(expected_joints(body)):
        near = np.argsort(np.linalg.norm(body.template - joint, axis=1))[:12]
        for one in found:
            one[j, generator.choice(near, 6, replace=False)] = generator.dirichlet(np.ones(6))
    return found


@pytest.fixture
def files(tmp_path, body, weights, make_bodies):
    """first.npy, second.npy, predictions.npz of 6 bodies and labels.npz: what `first` reads off them."""
    for name, one in zip(("first", "second"), weights, strict=True):
        about = {"topology_hash": body.topology_hash}
        save_regressor(Regressor(one, about=about), tmp_path / f"{name}.npy")
    rotations, betas, translation = make_bodies(np.random.default_rng(12), 6)
    identity = {
        "take": np.array(["1", "1", "1", "2", "2", "2"]),
        "camera": np.array(["54138969", "60457274"] * 3),
        "frame": np.array([0, 0, 5, 0, 0, 5]),
    }
    bodies = {"rotations": rotations, "betas": betas, "translation": translation}
    np.savez(tmp_path / "predictions.npz", **bodies, **identity)
    joints = weights[0] @ body.vertices(rotations, betas, translation).astype(np.float64)
    np.savez(tmp_path / "labels.npz", joints_cam=joints)
    return tmp_path, joints, identity


def numbers(text, name):
    """The numbers that stand behind a name in a printed table."""
    (line,) = [line for line in text.splitlines() if line.startswith(name)]
    return [float(word) for word in line.removeprefix(name).split()]


def evaluate(folder, labels, *more):
    command = ["evaluate", str(folder / "predictions.npz"), str(labels), "--regressor"]
    return main([*command, str(folder / "first.npy"), str(folder / "second.npy"), *more])


@pytest.mark.parametrize("joints", [17, 14])
def test_evaluate_prints_the_metrics_of_the_field(files, capsys, body, weights, joints):
    folder, truth, _ = files
    assert evaluate(folder, folder / "labels.npz", "--joints", str(joints)) == 0
    text = capsys.readouterr().out
    with np.load(folder / "predictions.npz") as bodies:
        posed = body.vertices(bodies["rotations"], bodies["betas"])
    used = rows(H36M_14 if joints == 14 else H36M_17)
    for name, one in zip(("first", "second"), weights, strict=True):
        found = one @ posed.astype(np.float64)
        expected = [
            1e3 * metrics.mpjpe(found, truth, joints=used).mean(),
            1e3 * metrics.pa_mpjpe(found, truth, joints=used).mean(),
        ]
        assert numbers(text, str(folder / f"{name}.npy"))[:2] == pytest.approx(expected, abs=0.006)
    assert numbers(text, str(folder / "first.npy")) == [
        0,
        0,
        100,
        pytest.approx(100 * 30 / 31, abs=0.01),
    ]
    assert numbers(text, str(folder / "second.npy"))[0] > 1
    assert f"Protocol: {joints} joints" in text and "mean over 6 frames" in text


def test_one_joint_moved_by_a_known_distance(files, capsys):
    """A wrist 170 mm off is 10 mm over 17 joints and outside 150 mm; as root it moves the others."""
    folder, truth, _ = files
    truth[:, H36M_17.index("left_wrist"), 1] += 0.170
    np.savez(folder / "labels.npz", joints_cam=truth)
    evaluate(folder, folder / "labels.npz")
    mpjpe, _, pck, _ = numbers(capsys.readouterr().out, str(folder / "first.npy"))
    assert mpjpe == pytest.approx(10, abs=0.006)
    assert pck == pytest.approx(100 * 16 / 17, abs=0.006)
    evaluate(folder, folder / "labels.npz", "--root", "left_wrist")
    text = capsys.readouterr().out
    assert numbers(text, str(folder / "first.npy"))[0] == pytest.approx(160, abs=0.006)
    assert "moved to left_wrist" in text


def test_labels_are_matched_by_take_camera_and_frame_and_by_joint_name(files, capsys):
    folder, truth, identity = files
    order = [4, 0, 3, 5]
    np.savez(
        folder / "some.npz",
        joints_cam=truth[order][:, rows(H36M_17_RIGHT_FIRST)],
        joint_names=np.array(H36M_17_RIGHT_FIRST),
        **{key: value[order] for key, value in identity.items()},
    )
    assert evaluate(folder, folder / "some.npz") == 0
    text = capsys.readouterr().out
    assert numbers(text, str(folder / "first.npy"))[0] == 0
    assert "mean over 4 frames" in text
    assert np.array_equal(read_labelled_frames(folder / "some.npz").joints_cam, truth[order])


def test_bad_labels_are_refused(files, capsys):
    folder, truth, identity = files
    identity = identity | {"frame": identity["frame"] + 1}
    for arrays, message in [
        ({"joints": truth}, "has arrays joints, expected joints_cam"),
        ({"joints_cam": truth[:, :14]}, "joints_cam has shape (6, 14, 3)"),
        ({"joints_cam": truth[:4]}, "has 6 rows"),
        ({"joints_cam": 100 * truth}, "centimetres taken for metres"),
        ({"joints_cam": truth, "take": identity["take"]}, "camera, frame missing"),
        ({"joints_cam": truth, **identity}, "no prediction for take 1, camera 54138969, frame 1"),
        ({"joints_cam": truth, "joint_names": np.array(["nose"] * 17)}, "joint_names are"),
        ({"joints_cam": truth[:0]}, "the file has no frame"),
    ]:
        np.savez(folder / "bad.npz", **arrays)
        assert evaluate(folder, folder / "bad.npz") == 1
        output = capsys.readouterr()
        assert message in output.err and not output.out, message
    (folder / "bad.npz").write_bytes(b"PK")
    assert evaluate(folder, folder / "bad.npz") == 1
    assert "not a readable npz" in capsys.readouterr().err


def test_convert_there_and_back(files, capsys, weights):
    folder = files[0]
    for source, target, more in [
        ("first.npy", "a.npz", ["--legs", "right"]),
        ("a.npz", "b.pt", ["--dtype", "float64"]),
        ("b.pt", "c.npy", ["--body", "none", "--legs", "right"]),
        ("c.npy", "d.npy", []),
    ]:
        assert main(["convert", str(folder / source), str(folder / target), *more]) == 0
        output, legs = capsys.readouterr(), "right" if "right" in more else "left"
        assert f"wrote {folder / target} and {folder / target}.json, {legs} leg first" in output.out
        assert ("right leg comes first in the file" in output.err) == (source in ("a.npz", "c.npy"))
    assert np.array_equal(np.load(folder / "d.npy"), weights[0])
    (folder / "c.npy.json").unlink()
    assert main(["convert", str(folder / "c.npy"), str(folder / "e.npy")]) == 0
    assert "note: " in (err := capsys.readouterr().err) and "right leg comes first" in err
    assert np.array_equal(load_regressor(folder / "e.npy").weights, weights[0])
    told = ["--body", "none", "--input-legs", "right", "--format", "npy"]
    assert main(["convert", str(folder / "c.npy"), str(folder / "f"), *told]) == 0
    assert np.array_equal(np.load(folder / "f"), weights[0])


def test_inspect_prints_every_joint_and_draws(files, capsys, body, weights):
    for wrong in ("support.xyz", "support", str(files[0])):
        assert main(["inspect", str(files[0] / "first.npy"), "--picture", wrong]) == 1
        assert "expected a file that ends in .png" in capsys.readouterr().err
    folder, picture = files[0], files[0] / "support.png"
    assert main(["inspect", str(folder / "first.npy"), "--picture", str(picture)]) == 0
    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines()[2:19]] == list(H36M_17)
    knee = H36M_17.index("left_knee")
    away = np.linalg.norm(weights[0, knee] @ body.template - expected_joints(body)[knee])
    (line,) = [line for line in text.splitlines() if line.startswith("left_knee")]
    assert line.split()[1] == "6" and line.endswith(f"{1e3 * away:.0f} mm  left")
    drawn = imread(picture)
    assert drawn[..., :3].std() > 0.05  # a body on white, not an empty page


def test_inspect_without_a_body_measures_what_needs_none(tmp_path, capsys):
    """Of any number of rows: a mean of four vertices, one vertex of weight 2, and none."""
    matrix = np.zeros((3, 50))
    matrix[0, :4], matrix[1, 9], matrix[2, 7] = 0.25, 2, -1
    np.save(tmp_path / "J.npy", matrix)
    command = ["inspect", str(tmp_path / "J.npy"), "--body", "none"]
    assert main(command) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[2:5]]
    assert [line[2:5] for line in lines] == [
        ["4", "4.0", "1.00000"],
        ["1", "1.0", "2.00000"],
        ["0", "0.0", "0.00000"],
    ]
    assert main([*command, "--picture", str(tmp_path / "x.png")]) == 1
    assert "give the body of its mesh" in capsys.readouterr().err and not (tmp_path / "x.png").exists()


def test_wrong_usage_ends_with_2_and_bad_input_with_1(files, tmp_path, capsys):
    for wrong in ([], ["conver"], ["evaluate", "a"], ["convert", "a", "b", "--legs", "both"]):
        with pytest.raises(SystemExit) as end:
            main(wrong)
        assert end.value.code == 2
    assert main(["inspect", str(tmp_path / "none.npy")]) == 1
    assert "DataError: regressor" in capsys.readouterr().err
    assert main(["convert", str(files[0] / "first.npy"), str(tmp_path / "first.npy" / "x.npy")]) == 1
    assert "jointreg convert: " in capsys.readouterr().err


def test_the_installed_command_is_this_function(root):
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    module, function = scripts["jointreg"].split(":")
    assert getattr(importlib.import_module(module), function) is main


def test_as_a_process(tmp_path):
    """No traceback for a user's mistake, and help without torch, numba, zarr or the body."""
    path = tmp_path / "J.npy"
    np.save(path, np.zeros((24, 6890)))
    done = subprocess.run(
        [sys.executable, "-m", "jointreg", "inspect", str(path)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == "" and "Traceback" not in done.stderr
    assert done.stderr.startswith(f"jointreg inspect: DataError: {path} has shape (24, 6890)")
    code = (
        "import sys; from jointreg.cli import main\n"
        "try: main(['evaluate', '--help'])\n"
        "except SystemExit as end: code = end.code\n"
        "print(code, {'torch', 'numba', 'zarr', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("0 set()\n")
    assert "example: jointreg evaluate" in done.stdout


def test_output_that_nobody_reads_is_no_error(files):
    folder, _, _ = files
    program = [sys.executable, "-m", "jointreg", "inspect", str(folder / "first.npy")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        text = process.stderr.read().decode()
        assert process.wait(timeout=120) == 0
    assert "Traceback" not in text and "BrokenPipe" not in text


def test_a_file_that_is_none_is_named_with_a_cure(files, capsys):
    folder, _, _ = files
    (folder / "empty.npy").touch()
    (folder / "labels.npy").write_bytes((folder / "first.npy").read_bytes())
    for labels, words in {
        folder / "empty.npy": "empty.npy is an empty file",
        folder: "is a folder, expected a file",
        folder / "none.npz": "there is no file",
        folder
        / "labels.npy": "an npy, which has one array without a name: save its arrays by numpy.savez",
    }.items():
        assert evaluate(folder, labels) == 1
        text = capsys.readouterr().err
        assert words in text and "next:" in text and "Errno" not in text
    np.save(folder / "joints.npy", files[1])
    assert main(["evaluate", str(folder / "joints.npy"), str(folder / "labels.npz")]) == 1
    assert "one array without a name, of shape (6, 17, 3)" in capsys.readouterr().err
    assert main(["evaluate", str(folder / "no.npz"), str(folder / "none.npz")]) == 1
    text = capsys.readouterr().err
    assert "no.npz and no file" in text and "none.npz\n  next:   check the path" in text
    target = folder / "there"
    target.mkdir()
    assert main(["convert", str(folder / "first.npy"), str(target), "--format", "npy"]) == 1
    text = capsys.readouterr().err
    assert "there is a folder" in text and "next:" in text and "Errno" not in text


def test_evaluate_names_body_regressor_joints_root_and_alignment(files, capsys):
    folder = files[0]
    assert evaluate(folder, folder / "labels.npz", "--joints", "14") == 0
    words = capsys.readouterr().out.split("Protocol")[1]
    for word in (
        "14 joints",
        "body open",
        "6890 vertices",
        "predictions",
        "moved to pelvis",
        "similarity",
    ):
        assert word in words, word


def test_evaluate_in_csv_and_json_with_every_joint(files, capsys):
    folder = files[0]
    table = list(csv.DictReader(io.StringIO(printed(folder, capsys, "--format", "csv", "--per-joint"))))
    content = json.loads(printed(folder, capsys, "--format", "json", "--per-joint"))
    assert [{key: str(value) for key, value in row.items()} for row in content["rows"]] == table
    sha256 = hashlib.sha256((folder / "first.npy").read_bytes()).hexdigest()
    assert table[0]["regressor_sha256"] == sha256 and table[0]["jointreg"] == __version__
    expected = {
        "joint_set": "17 joints (the pelvis counts)",
        "root": "pelvis",
        "body": "open",
        "truth_body": "",
    }
    assert expected.items() <= table[0].items() and table[0]["truth"] == str(folder / "labels.npz")
    assert content["frames"] == 6 and "moved to pelvis" in " ".join(content["protocol"])
    second = str(folder / "second.npy")
    values = {
        row["joint"]: float(row["value"])
        for row in table
        if row["regressor"] == second and row["metric"] == "mpjpe"
    }
    assert set(values) == {"", *H36M_17} and {row["unit"] for row in table} == {"mm", "%"}
    assert values.pop("") == pytest.approx(np.mean([*values.values()]))
    text = printed(folder, capsys, "--per-joint")
    noses = [line for line in text.splitlines() if line.split()[:2] == [second, "nose"]]
    assert len(noses) == 1 and f"{values['nose']:.2f}" in noses[0]


def printed(folder, capsys, *more):
    """Standard output, without the notes."""
    assert evaluate(folder, folder / "labels.npz", *more) == 0
    return capsys.readouterr().out


def test_evaluate_by_a_published_protocol(files, capsys, body, make_bodies):
    """Bodies as truth: every metric, its sources, and what differs from the protocol."""
    folder = files[0]
    rotations, betas, _ = make_bodies(np.random.default_rng(3), 6)
    np.savez(folder / "bodies.npz", rotations=rotations, betas=betas)
    np.savez(folder / "meshes.npz", vertices=1000 * body.vertices(rotations, betas))
    lines = []
    for truth in ("bodies", "meshes"):
        assert evaluate(folder, folder / f"{truth}.npz", "--protocol", "3dpw", "--root", "mid_hip") == 0
        output = capsys.readouterr()
        lines.append(numbers(output.out, str(folder / "first.npy")))
        assert "SPIN" in output.out and "WHAM" in output.out and "on both sides" in output.out
        assert "3dpw: root is the middle of left_hip and right_hip instead of pelvis" in output.err
        assert "first.npy is not J_regressor_h36m;" in output.err
        assert "the body is `open`, not SMPL" in output.err
    assert len(lines[0]) == 4 and lines[0] == lines[1]
    assert "millimetres" in output.err
    command = ["evaluate", str(folder / "predictions.npz"), str(folder / "bodies.npz")]
    assert main([*command, "--protocol", "emdb"]) == 0
    output, told = capsys.readouterr()
    assert "24 joints" in output and len(numbers(output, "own")) == 4
    assert "do not compare with published ones of protocol emdb: the body is `open`" in told
    assert main([*command, "--truth-regressor", str(folder / "second.npy"), "--protocol", "3dpw"]) == 1
    assert "no regressor" in capsys.readouterr().err


def test_joints_alone_need_no_regressor(files, capsys):
    folder, truth, _ = files
    np.savez(folder / "joints.npz", joints=truth)
    command = ["evaluate", str(folder / "joints.npz"), str(folder / "labels.npz")]
    assert main(command) == 0
    assert numbers(capsys.readouterr().out, "as given")[:2] == [0, 0]
    assert main([*command, "--regressor", str(folder / "first.npy")]) == 0
    assert "no regressor applies" in capsys.readouterr().err
    for wrong in (
        ["--frame-rate", "0"],
        ["--frame-rate", "1e300"],
        ["--root", "tail"],
        ["--joints", "15"],
    ):
        assert main([*command, *wrong]) == 1
        assert "next:" in capsys.readouterr().err
