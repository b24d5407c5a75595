"""Raw files that change or vanish, on the raw files of the tiny run taken for a user's."""

import os
import shutil

import pytest
from dry_run import TINY, planned, snakemake
from edits import edited, missing

S5 = "data/tiny/human36m/S5"
TABLE = "tests/tiny/sequences.tsv"
TARGETS = (
    *(f"results/tiny/segment/{subject}/Walking.zarr.zip" for subject in ("S1", "S5")),
    *(f"results/tiny/estimate/sim_spin/{subject}/Walking.zarr.zip" for subject in ("S1", "S5", "S9")),
)
OF_S5 = {"prepare": 1, "background": 1, "segment": 1, "estimate": 1}
"""What depends on a video of S5; `estimate` reads the labels that `prepare` writes."""


def call(*settings, options=()):
    """Arguments of the tiny run with raw files that no rule makes."""
    return (*options, *TINY, "--config", "dataset={source: human36m}", *settings, "--", *TARGETS)


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """The finished run, its results taken as made of a user's raw files."""
    folder = tmp_path_factory.mktemp("raw_data") / "run"
    shutil.copytree(finished, folder, symlinks=True)
    snakemake(folder, *call(options=("--touch",)))
    return folder


@pytest.fixture(autouse=True)
def nothing_to_do(folder):
    """Every test leaves the run as it was."""
    yield
    assert not planned(folder, *call())


class Older:
    """A file of the same content that is an hour older: `mv` and `cp -p` leave the time as it was."""

    def __init__(self, path):
        self.path, self.status = path, path.stat()

    def __enter__(self):
        os.utime(self.path, ns=(self.status.st_atime_ns, self.status.st_mtime_ns - 3600 * 10**9))

    def __exit__(self, *_):
        os.utime(self.path, ns=(self.status.st_atime_ns, self.status.st_mtime_ns))


def video(folder):
    (path,) = (folder / S5 / "Videos").iterdir()
    return path


def test_a_replaced_video_or_label_file_reruns_what_depends_on_it(folder):
    (labels,) = (folder / S5 / "MyPoseFeatures/D3_Positions").iterdir()
    for path in (video(folder), labels):
        with Older(path):
            assert planned(folder, *call()) == OF_S5
    with Older(folder / "data/tiny/human36m/predictions/sim_spin/S9/Walking.npz"):
        assert planned(folder, *call()) == {"estimate": 1}


def test_a_gone_video_stops_the_plan_although_its_results_are_there(folder):
    path = video(folder)
    with missing(path):
        done = snakemake(folder, "--dry-run", *call(), check=False)
        assert done.returncode
        where = f"S5 Walking, take 1, camera 54138969: {path.relative_to(folder)}"
        assert where in done.stdout + done.stderr
        assert not planned(folder, *call("raw_files={missing: keep}"))


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (
            "S9\tWalking\t7\t54138969",
            "S9 Walking, take 7, camera 54138969: data/tiny/human36m/S9: ",
        ),
        (
            "S9\tWalking\t1\t55011271",
            "S9 Walking, take 1, camera 55011271: data/tiny/human36m/S9/Videos/Walking.55011271.mp4",
        ),
        ("S8\tWalking\t1\t54138969", "data/tiny/human36m/S8  (subject S8)"),
    ],
)
def test_a_table_that_asks_for_what_is_not_there_stops_the_plan(folder, new, words):
    with edited(folder, TABLE, "S9\tWalking\t1\t54138969", new):
        done = snakemake(folder, "--dry-run", *call(), check=False)
    assert done.returncode
    assert words in done.stdout + done.stderr


def test_a_copy_with_new_times_reruns_nothing_where_contents_are_compared(folder, tmp_path):
    """Or where `--touch` takes the results as up to date."""
    contents, copy = "raw_files={changed: contents}", tmp_path / "copy"
    shutil.copytree(folder, copy, symlinks=True)
    snakemake(copy, *call(contents, options=("--touch",)))
    assert not planned(copy, *call(contents))
    path = video(copy)
    with Older(path):
        assert not planned(copy, *call(contents))
    path.write_bytes(path.read_bytes() + b"\0")
    assert planned(copy, *call(contents)) == OF_S5
    snakemake(copy, *call(contents, options=("--touch",)))
    assert not planned(copy, *call(contents))
