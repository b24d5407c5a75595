"""The real configuration on files in the real formats, from raw videos to Table I.

The numbers mean nothing: bodies are the open body, pictures are drawn, and the weights of SPIN, VIBE and
MEVA are random up to the last layer, which was solved for so that these pictures give the simulated
bodies (`planted_networks`). So every format on the way is read, and the number at its end is known.
"""

import csv
import json

import numpy as np
import pytest
from dry_run import copy_project, snakemake
from edits import missing, replaced
from real_tree import (
    CHECKPOINTS,
    ESTIMATORS,
    MOMENTS,
    matching,
    plant_networks,
    simulated_bodies,
    write_real_tree,
)

from jointreg import stores
from jointreg.body import load_body
from jointreg.cli.commands import main
from jointreg.config import read_yaml
from jointreg.config.sequences import load_sequences

REAL = ("--configfile", "config/human36m.yaml", "tests/real/config.yaml")
FILES = (*REAL, "tests/real/predictions.yaml")
"""The same with prediction files in place of the networks."""
TABLE = "results/human36m/tables/table_1.csv"


@pytest.fixture(scope="module")
def tree(tmp_path_factory, root):
    """A checkout with the user's files, before any job."""
    folder = copy_project(root, tmp_path_factory.mktemp("real"))
    write_real_tree(folder)
    return folder


@pytest.fixture(scope="module")
def finished(tree):
    work = load_sequences(tree / "tests/real/sequences.tsv")
    prepared = [f"results/human36m/prepare/{row.subject}/{row.action}.zarr.zip" for row in work]
    snakemake(tree, *prepared, *REAL)
    plant_networks(tree)
    snakemake(tree, TABLE, *REAL)
    return tree


def test_only_places_segmenter_and_lengths_differ_from_the_real_config(root):
    files = [root / "config/config.yaml", root / "config/human36m.yaml"]
    real, ours = read_yaml(*files), read_yaml(*files, root / "tests/real/config.yaml")

    def differing(one, other, prefix=""):
        for key in one:
            if isinstance(one[key], dict):
                yield from differing(one[key], other[key], f"{prefix}{key}.")
            elif one[key] != other[key]:
                yield f"{prefix}{key}"

    places = {"sequences", "methods_table", "figures.examples"}
    lengths = {"train_discriminator.max_rounds", "train_discriminator.steps", "optimize.iterations"}
    allowed = places | lengths | {"segment.method"}
    assert set(differing(real, ours)) <= allowed


def test_the_doctor_finds_everything_and_then_one_thing_missing(tree, monkeypatch, capsys):
    monkeypatch.chdir(tree)

    def doctor(files):
        return main(["doctor", "--config", *files[1:]]), capsys.readouterr().out

    status, text = doctor(REAL)
    assert status == 0, text
    for words in ("checkpoint of SPIN", "checkpoint of VIBE", "checkpoint of MEVA", "mean parameters"):
        assert words in text, words
    status, text = doctor(FILES)
    assert status == 0, text
    for words in (
        "layout official",
        "4 files and folders of 1 sequence; each subject's first take is sound",
        "6890 vertices",
        "fits the body",
        "2 files; the first is sound, 16 rows, all 4 wanted frames of S1 WalkDog",
        "2 files; the first is sound, 4 rows, all 4 wanted frames of S9 Walking",
        "paper",
    ):
        assert words in text, words
    with missing(tree / "data/human36m/predictions/vibe/S9/Walking.1.60457274.pkl"):
        status, text = doctor(FILES)
    assert status == 1
    (row,) = [line for line in text.splitlines() if "predictions of vibe_files" in line]
    assert row.startswith("FAIL") and "evaluate" in row and "1 of 2 files are missing" in row
    assert "waits" in text and "optimize (6 jobs)" in text
    names = tree / "data/human36m/predictions/spin/h36m.npz"
    video = tree / "data/human36m/raw/S9/Videos/Walking.60457274.mp4"
    with replaced(names), replaced(video):
        pictures = [f"{name[:-10]}{int(name[-10:-4]) - 1:06d}.jpg" for name in np.load(names)["imgname"]]
        np.savez(names, imgname=np.array(pictures))
        video.write_bytes(b"")
        (tree / "examples.tsv").write_text("subject\taction\tframes\nS1\tEating\t0\nS5\tWalking\t3,4\n")
        (tree / "examples.yaml").write_text("figures: {examples: examples.tsv}\n")
        status, text = doctor((*FILES, "examples.yaml"))
    assert status == 1
    for words in (
        "no prediction for take 1, camera 54138969, frame 0 (4 of 4 wanted frames are missing",
        "names of its pictures count from 0",
        "empty, 0 bytes",
        "S5 Walking, row 4; the sequence has 4 rows",
    ):
        assert words in text, words


def test_the_doctor_looks_into_the_files_of_networks(tree, monkeypatch, capsys):
    """Each of another network, or damaged; without the mean parameters the weights alone are read."""
    monkeypatch.chdir(tree)

    def rows():
        status = main(["doctor", "--config", *REAL[1:]])
        return status, capsys.readouterr().out.splitlines()

    def row(lines, what):
        (found,) = [line for line in lines if line[5:].lstrip().startswith(what)]
        return found

    status, lines = rows()
    assert status == 0 and sum("fits the network" in line for line in lines) == 3
    networks = tree / "data/human36m/networks"
    vibe, mean = networks / CHECKPOINTS["vibe"], networks / "smpl_mean_params.npz"
    with replaced(vibe):
        vibe.write_bytes((networks / CHECKPOINTS["meva"]).read_bytes())
        status, lines = rows()
    assert status == 1 and "estimate" in row(lines, "checkpoint of VIBE")
    assert "is a checkpoint of meva, expected one of vibe" in row(lines, "checkpoint of VIBE")
    with replaced(mean):
        mean.write_bytes(b"<html>")
        status, lines = rows()
    assert status == 1 and row(lines, "mean parameters").startswith("FAIL")
    with missing(mean):
        status, lines = rows()
    assert status == 1 and "the mean parameters are missing" in row(lines, "checkpoint of MEVA")
    weights = ("config/human36m.yaml", "tests/real/config.yaml", "masks.yaml")
    (tree / "masks.yaml").write_text(
        f"segment: {{method: torchvision, weights: {mean.relative_to(tree)}, sha256: '{'0' * 64}'}}\n"
    )
    assert main(["doctor", "--config", *weights]) == 1
    assert "sha256 is" in row(capsys.readouterr().out.splitlines(), "weights of the segmenter")


def test_table_1_has_the_rows_of_the_paper(finished):
    with (finished / TABLE).open() as stream:
        table = list(csv.DictReader(stream))
    assert {row["method"] for row in table} == set(ESTIMATORS)
    assert {row["regressor"] for row in table} == {"std", "spin", "opt"}
    assert {row["metric"] for row in table} == {"mpjpe", "pa_mpjpe"}
    assert {row["frames"] for row in table} == {str(2 * MOMENTS)}  # two cameras, every fifth frame
    text = (finished / "results/human36m/tables/table_1.txt").read_text()
    for words in (
        "SPIN's layout (numbers mean nothing)",
        "every 5th frame",
        "17 joints",
        "config/damaged/human36m.tsv",
        "crops by the reference code's rule",
    ):
        assert words in " ".join(text.split())


@pytest.mark.parametrize("network", ESTIMATORS)
def test_networks_see_the_bodies_that_were_planted_and_table_1_has_their_error(finished, network):
    """From pixels to the table: the bodies, where they stand, and MPJPE under J_std by hand."""
    results = simulated_bodies(finished, finished / "data/human36m/drawn")[network]
    (row,) = [row for row in results if row.subject == "S9"]
    frames = stores.FRAMES.read(finished / "results/human36m/prepare/S9/Walking.zarr.zip")
    rotations, betas, translation = matching(frames, results[row])
    bodies = stores.BODIES.read(finished / f"results/human36m/estimate/{network}/S9/Walking.zarr.zip")
    assert np.abs(bodies.rotations - rotations).max() < 1e-3
    assert np.abs(bodies.betas - betas).max() < 1e-3
    assert np.linalg.norm(bodies.translation - translation, axis=1).max() < 5e-3  # metres, of some 5
    vertices = load_body("open").vertices(rotations, betas)
    joints = np.load(finished / "data/human36m/J_regressor_h36m.npy") @ vertices
    errors = (joints - joints[:, :1]) - (frames.joints_cam - frames.joints_cam[:, :1])
    with (finished / TABLE).open() as stream:
        (value,) = [
            float(line["value_mm"])
            for line in csv.DictReader(stream)
            if (line["method"], line["regressor"], line["metric"]) == (network, "std", "mpjpe")
        ]
    assert value == pytest.approx(1000 * np.linalg.norm(errors, axis=2).mean(), abs=0.05)


def test_the_body_was_converted_once_and_is_the_one_that_went_in(finished):
    clean = finished / "results/human36m/convert_body/body.npz"
    about = json.loads((clean.parent / "body.npz.json").read_text())
    assert about["model"] == "SMPL" and about["source"] == "SMPL_NEUTRAL.pkl"
    assert np.array_equal(load_body(clean).template, load_body("open").template)


@pytest.mark.parametrize("ending", ["", "_files"])
def test_every_method_has_its_own_bodies_on_every_fifth_frame(finished, ending):
    frames = stores.FRAMES.read(finished / "results/human36m/prepare/S9/Walking.zarr.zip")
    assert frames.frame.tolist() == [0, 5, 10, 15] * 2
    paths = [f"results/human36m/estimate/{method}{ending}/S9/Walking.zarr.zip" for method in ESTIMATORS]
    if ending:
        snakemake(finished, *paths, *FILES)
    bodies = [stores.BODIES.read(finished / path) for path in paths]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(bodies[one].rotations - bodies[other].rotations).max() > 1e-3


def test_a_regressor_of_another_topology_stops_the_run_at_its_first_job(tree, tmp_path):
    """The regressor with its vertices in another order, as one for another mesh would have them."""
    path = tree / "data/human36m/J_regressor_h36m.npy"
    with replaced(path):
        np.save(path, np.roll(np.load(path), 1000, axis=1))
        done = snakemake(tree, "results/human36m/convert_body/body.npz", "--force", *REAL, check=False)
    assert done.returncode
    assert "does not fit this body" in done.stdout + done.stderr
