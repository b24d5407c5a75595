"""`jointreg doctor`: one table of what is there, what is not, where it comes from, what waits for it."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from capture_scene import camera, walk, write_video
from official_files import write_official_smpl

from jointreg.cli import main
from jointreg.pipeline.doctor import report
from jointreg.pipeline.packages import packages


@pytest.fixture
def doctor(root, tmp_path, monkeypatch, capsys):
    """Function (yaml text or file, ...) -> exit status and table."""
    monkeypatch.chdir(root)

    def call(*configs, arguments=()):
        files = []
        for number, given in enumerate(configs):
            path = tmp_path / f"{number}.yaml"
            if given.endswith(".yaml"):
                path = given
            else:
                path.write_text(given)
            files.append(str(path))
        status = main(["doctor", *arguments, *(["--config", *files] if files else [])])
        return status, capsys.readouterr().out

    return call


def line(text, what):
    """The row of the table that is about `what`, and the lines under it that belong to it."""
    rows = text.splitlines()
    left = next(row.index("what") for row in rows if row.split()[:2] == ["what", "blocks"])
    (at,) = [k for k, row in enumerate(rows) if row[left:].startswith(f"{what}  ")]
    end = next((k for k in range(at + 1, len(rows)) if rows[k][:left].strip()), len(rows))
    return "\n".join(rows[at:end])


def write_examples(folder):
    """The table of the figures' frames."""
    path = folder / "examples.tsv"
    path.write_text("subject\taction\tframes\nP1\tWalking\t0\n", encoding="utf-8")
    return path


def test_all_is_there_for_the_open_data_set(doctor):
    status, text = doctor("config/open.yaml")
    assert status == 0
    assert "compiled, and right" in text and "6890 vertices" in text and "FAIL" not in text
    assert "made by the workflow" in line(text, "raw data")
    assert line(text, "can run").endswith("paper") and "waits" not in text


def test_without_a_run_the_last_line_says_what_is_ready(doctor):
    """Without a package of an extra, which blocks no command, too."""
    assert doctor()[1].splitlines()[-1].endswith("transfer and evaluate are ready")
    from jointreg.pipeline.check import attempt

    def look():
        import no_such_package  # noqa: F401

    assert attempt("it", look)[:3] == (None, "it", "needs no_such_package, which is not installed")


def test_the_checkout_is_found_from_another_folder(doctor, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, text = doctor(str(root / "config/open.yaml"))
    assert status == 0 and "run open, " in line(text, "configuration")
    text = doctor("config/open.yaml")[1]
    assert (
        "config/open.yaml not found" in text
        and f"write {os.path.relpath(root)}/config/open.yaml" in text
    )


def test_nothing_is_there_of_the_real_one(doctor, tmp_path):
    places = (
        f"dataset: {{root: {tmp_path}/raw, calibration: {tmp_path}/raw/metadata.xml}}\n"
        f"body: {tmp_path}/SMPL_NEUTRAL.pkl\nregressor_std: {tmp_path}/J.npy\n"
        f"estimate: {{predictions: {tmp_path}/predictions}}\n"
    )
    status, text = doctor(places)
    assert status == 1
    for what in ("raw data", "cameras", "body model", "J_std"):
        row = line(text, what)
        assert row.startswith("FAIL") and f"missing: {tmp_path}" in row and "get it: " in row
    assert "subject S" not in text
    assert "https://smpl.is.tue.mpg.de" in line(text, "body model")
    assert "nothing" in line(text, "can run")
    assert "prepare (105 jobs)" in line(text, "waits")


def test_files_that_are_there_are_looked_into(doctor, tmp_path, body):
    """A body that is one, a regressor of another mesh, a folder that is no Human3.6M."""
    write_official_smpl(tmp_path / "SMPL_NEUTRAL.pkl", body)
    np.save(tmp_path / "J.npy", np.full((17, 6890), 1 / 6890))
    for subject in ("S1", "S5", "S6", "S7", "S8", "S9", "S11"):
        (tmp_path / "raw" / subject).mkdir(parents=True)
    (tmp_path / "raw/metadata.xml").write_text("<html>")
    status, text = doctor(
        f"dataset: {{root: {tmp_path}/raw, calibration: {tmp_path}/raw/metadata.xml}}\n"
        f"body: {tmp_path}/SMPL_NEUTRAL.pkl\nregressor_std: {tmp_path}/J.npy\n"
        f"estimate: {{predictions: {tmp_path}/predictions}}\n"
    )
    assert status == 1
    assert line(text, "body model").startswith("ok") and "6890 vertices" in line(text, "body model")
    assert "does not fit this body" in line(text, "J_std")
    assert line(text, "J_std").split()[2] == "evaluate"
    assert "no copy of Human3.6M in a known layout" in line(text, "raw data")
    assert line(text, "cameras").startswith("FAIL")
    assert line(text, "subject S5").endswith("as raw data")  # one cause is said once


def test_takes_and_cameras_that_are_not_there_are_named(doctor, tmp_path):
    """Two recordings of calibrated videos, of which the table asks for more than there is."""
    camera = {"matrix": [[1000, 0, 500], [0, 1000, 500], [0, 0, 1]], "distortions": [0] * 4}
    camera |= {"rotation": [0, 0, 0], "translation": [0, 0, 4], "size": [1000, 1000]}
    cameras = {name: camera | {"name": name} for name in ("left", "right")}
    (tmp_path / "raw/walk").mkdir(parents=True)
    (tmp_path / "raw/room.json").write_text(json.dumps({"unit": "m", **cameras}), encoding="utf-8")
    for name in ("left.mp4", "labels.npz"):
        (tmp_path / "raw/walk" / name).touch()
    table = tmp_path / "sequences.tsv"
    head = "subject\taction\ttakes\tcameras\tfirst_frame\tlast_frame\tsplit\n"
    rows = ["P1\tWalking\twalk\tleft,right,top\t0\t-1\ttrain\n", "P2\tWalking\trun\tleft\t0\t-1\ttest\n"]
    table.write_text(head + "".join(rows), encoding="utf-8")
    examples = write_examples(tmp_path)
    settings = (
        f"dataset: {{source: multiview, root: {tmp_path}/raw, calibration: {tmp_path}/raw/room.json, "
        f'damaged: ""}}\nsequences: {table}\nbody: open\nregressor_std: ""\nmethods: [keypoints]\n'
        f"initial: keypoints\nfigures: {{examples: {examples}}}\n"
    )
    status, text = doctor(settings)
    assert status == 1
    row = line(text, "cameras")
    assert row.startswith("FAIL") and "lacks the cameras top of the sequence table" in row
    assert "it has left, right" in row
    row = line(text, "raw data")
    assert row.startswith("FAIL") and "get them" in row
    for words in (
        f"P1 Walking, take walk, camera right: {tmp_path}/raw/walk/right.mp4",
        "P1 Walking, take walk, camera top: camera 'top' is not in the calibration",
        f"P2 Walking, take run, camera left: recording {tmp_path}/raw/run does not exist",
    ):
        assert words in row, words
    assert "camera left: " not in row.replace("take run, camera left: ", "")


def test_labels_are_projected_into_every_camera_and_the_split_is_looked_at(doctor, tmp_path):
    """Two cameras at a right angle; then the second one's position is given as its translation."""
    view, joints = camera(200), walk(4)
    turn = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])
    side = replace(view, name="side", rotation=turn, translation=-turn @ [-4.5, 0, 4.5])
    for name in ("front", "side"):
        write_video(tmp_path / f"raw/walk/{name}.mp4", np.full((4, 200, 200, 3), 90, np.uint8))
    np.savez(tmp_path / "raw/walk/labels.npz", joints_world=joints)
    table = tmp_path / "sequences.tsv"
    head = "subject\taction\ttakes\tcameras\tfirst_frame\tlast_frame\tsplit\n"
    row = "P1\t{}\twalk\tfront,side\t{}\t{}\t{}\n"
    rows = [row.format("Walking", 0, 1, "train"), row.format("Late", 2, 3, "test")]
    table.write_text(head + "".join(rows), encoding="utf-8")
    for translation, found in ((side.translation, "ok"), ([-4.5, 0, 4.5], "FAIL")):
        cameras = {
            name: {
                "matrix": one.intrinsics.tolist(),
                "distortions": [0] * 4,
                "rotation": one.rotation.tolist(),
                "translation": list(shift),
                "size": [200, 200],
            }
            for name, one, shift in (("front", view, [0, 0, 0]), ("side", side, translation))
        }
        (tmp_path / "raw/cameras.json").write_text(json.dumps(cameras), encoding="utf-8")
        _, text = doctor(
            "config/own_data.yaml",
            f"dataset: {{root: {tmp_path}/raw, calibration: {tmp_path}/raw/cameras.json}}\n"
            f"sequences: {table}\nfigures: {{examples: {write_examples(tmp_path)}}}\n",
        )
        row = line(text, "raw data")
        assert row.startswith(found), row
        assert ("labels in the picture: front 100%, side 100%" in row) == (found == "ok"), row
        assert ("translation is the camera's position" in row) == (found == "FAIL"), row
        assert "get it" not in row
    row = line(text, "configuration")
    assert "P1 in train and test" in row and "one person in train" in row


def test_a_configuration_that_is_wrong_and_a_body_that_is_missing(doctor, tmp_path):
    status, text = doctor("run: mine\nbogus: 1\n")
    assert status == 1 and "unknown key 'bogus'" in line(text, "configuration")
    status, text = doctor("# nothing yet\n")
    assert status == 1 and "no key, and Snakemake refuses such a file" in line(text, "configuration")
    status, text = doctor(arguments=["--body", str(tmp_path / "none.npz")])
    assert status == 1 and line(text, "body").startswith("FAIL")
    status, text = doctor()
    assert status == 0 and line(text, "body").startswith("ok")


def test_the_disk_of_a_run_is_stated_and_too_little_fails(doctor, monkeypatch):
    """Crops are the bulk: 422,000 frames of 70 kB are 29 GB."""
    from collections import namedtuple

    status, text = doctor("config/human36m.yaml")
    row = line(text, "disk")
    assert "(prepare 29." in row and "GB for the whole run" in row
    assert "210 takes assumed to have 2513 frames" in row
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**11, 10**11, 10**6))
    status, text = doctor("config/open.yaml")
    assert status == 1
    assert line(text, "disk").startswith("FAIL") and "make room" in line(text, "disk")
    assert "prepare" in line(text, "waits")


def test_slurms_commands_are_looked_for_where_they_are_asked_for(doctor, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, text = doctor()
    assert status == 0 and "Slurm" not in text
    for name in ("sbatch", "scancel", "sinfo", "squeue"):
        (tmp_path / name).touch(mode=0o755)
    status, text = doctor(arguments=["--slurm"])
    assert status == 1 and "not on the PATH: scontrol" in line(text, "Slurm's commands")
    (tmp_path / "scontrol").touch(mode=0o755)
    status, text = doctor(arguments=["--slurm"])
    assert status == 0 and str(tmp_path / "squeue") in line(text, "Slurm's commands")
    (tmp_path / "squeue").unlink()
    status, text = doctor(arguments=["--slurm"])
    assert "not on the PATH: sacct or squeue" in line(text, "Slurm's commands")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Function (name, version, requirements) that installs a distribution of metadata alone."""
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(folder)

    def plant(name, version, *requires):
        about = folder / f"{name}-{version}.dist-info"
        about.mkdir(parents=True)
        extras = sorted({line.split('"')[1] for line in requires if "extra ==" in line})
        lines = [f"Provides-Extra: {extra}" for extra in extras]
        lines += [f"Requires-Dist: {line}" for line in requires]
        head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (about / "METADATA").write_text("\n".join([*head, *lines]) + "\n")

    return plant


def test_a_version_out_of_range_fails_with_the_range_and_a_cure(installed):
    installed("jointreg", "1.0", "numpy<3,>=2.0", "zarr>=3.1", "scipy>=1.14", "planted-missing>=4")
    installed("numpy", "1.26.4")
    installed("zarr", "3.2.0b1")
    installed("scipy", "1.16.0+local")
    rows = {check.what: check for check in packages()}
    assert list(rows) == ["numpy", "zarr", "scipy", "planted-missing"]
    assert rows["numpy"].passed is False
    assert rows["numpy"].result == "1.26.4, expected <3,>=2.0"
    assert rows["numpy"].get == 'pip install "numpy<3,>=2.0"'
    assert rows["zarr"].passed and rows["zarr"].result == "3.2.0b1"
    assert rows["scipy"].passed
    assert rows["planted-missing"].passed is False
    assert rows["planted-missing"].result == "not installed, expected >=4"
    table = report(list(rows.values()))
    assert line(table, "numpy").startswith("FAIL") and "get it: pip install" in line(table, "numpy")


def test_an_extra_counts_where_all_of_it_is_installed(installed):
    """Two extras ask for different versions of one package; neither is looked at for tests."""
    installed(
        "jointreg",
        "1.0",
        'numpy>=2; python_version > "3"',
        'typing-extensions>=99; python_version < "3"',
        'whole-a>=2; extra == "workflow"',
        'whole-b>=2; extra == "workflow"',
        'whole-a==1.5; extra == "paper"',
        'planted-missing; extra == "paper"',
        'whole-a==7; extra == "tests"',
    )
    installed("numpy", "2.1")
    installed("whole_a", "1.0")
    installed("whole_b", "2.0")
    rows = {check.what: check.passed for check in packages()}
    assert rows == {
        "numpy": True,
        "whole-a (extra: workflow)": False,
        "whole-b (extra: workflow)": True,
        "whole-a (extra: paper)": None,
        "planted-missing (extra: paper)": None,
    }


def test_what_the_configuration_chooses_must_be_installed(doctor):
    """detectron2 is on no package index, so no environment of the tests has it."""
    chosen = f"segment: {{method: detectron2, weights: README.md, sha256: '{'0' * 64}'}}\n"
    status, text = doctor("config/open.yaml", chosen)
    assert status == 1 and line(text, "package detectron2").startswith("FAIL")
    assert "segment (" in line(text, "waits")
    assert "an environment of its own" in line(text, "package detectron2")


@pytest.mark.parametrize("arguments", [[], ["--slurm"]])
def test_a_gpu_is_looked_for_where_the_jobs_run(doctor, arguments, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    settings = "device: cuda\noptimize: {backend: warp}\n"
    row = line(doctor("config/open.yaml", settings, arguments=arguments)[1], "device cuda")
    assert row.startswith("-" if arguments else "FAIL")
    assert ("other machines" if arguments else "with --slurm") in row and "get it" not in row


def test_initial_bodies_from_joints_are_refused_as_by_the_workflow(doctor, tmp_path, root):
    head = (root / "config/methods.tsv").read_text().splitlines()[0]
    (tmp_path / "mine.tsv").write_text(f"{head}\nmine\tjoints\tmine\t\t\t\t\t\n")
    changes = f"own_methods: {tmp_path}/mine.tsv\ninitial: mine\nmethods: [mine]\n"
    status, text = doctor("config/open.yaml", changes)
    assert status == 1 and "no bodies to refine" in line(text, "configuration")
