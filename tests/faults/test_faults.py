"""What goes wrong on one machine. After each fault the tables are those of an undisturbed run, byte for
byte, and no job that had finished was made again.
"""

import os
import shutil
import signal
import subprocess

import pytest
from dry_run import planned
from runs import FROM_OPTIMIZE, Run, copy_without, locally, recovered, scripts, until


def test_a_killed_job(finished, tmp_path):
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    run = Run(folder, *locally())
    os.kill(until(lambda: scripts(folder, "optimize"), "optimize")[0], signal.SIGKILL)
    assert run.wait() == 1
    assert Run(folder, *locally()).wait() == 0
    recovered(folder, finished)


def test_a_killed_controller(finished, tmp_path):
    """The job that it had started lives on, and is made again: it may be half written."""
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    run = Run(folder, *locally())
    until(lambda: "Finished jobid" in run.text and scripts(folder, "optimize"), "a second job")
    run.kill()
    locked = Run(folder, *locally())
    assert locked.wait() == 1
    assert "Directory cannot be locked" in locked.text and "--unlock" in locked.text
    assert Run(folder, *locally("--unlock")).wait() == 0
    assert Run(folder, *locally("--rerun-incomplete")).wait() == 0
    recovered(folder, finished)


def test_two_runs_at_once(finished, tmp_path):
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    first = Run(folder, *locally())
    (script, *_) = until(lambda: scripts(folder, "optimize"), "optimize")
    os.kill(script, signal.SIGSTOP)
    second = Run(folder, *locally())
    assert second.wait() == 1
    assert "Directory cannot be locked" in second.text
    assert "make sure that no other Snakemake process" in second.text
    os.kill(script, signal.SIGCONT)
    assert first.wait() == 0
    recovered(folder, finished)


def test_a_full_disk(finished, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    size = sum(path.stat().st_size for path in finished.rglob("*") if not path.is_symlink()) // 2**20
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size + 30}m", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small file system to fill: {done.stderr.strip()}")
    try:
        made = ("prepare/S9", "estimate/sim_spin/S9", "evaluate", "tables/table_1*")
        folder = copy_without(finished, disk / "run", *made)
        usage = shutil.disk_usage(disk)
        filler = disk / "filler"
        filler.write_bytes(bytes(usage.free - 60_000))
        full = Run(folder, *locally())
        assert full.wait() == 1
        assert "No space left on device" in full.text
        filler.unlink()
        assert Run(folder, *locally()).wait() == 0
        recovered(folder, finished)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_temporary_folder_that_vanishes(finished, tmp_path):
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    local = tmp_path / "node_local"
    local.mkdir()
    run = Run(folder, *locally(), env={"TMPDIR": str(local)})
    until(lambda: scripts(folder, "optimize"), "optimize")
    shutil.rmtree(local)
    assert run.wait() == 0, run.text
    recovered(folder, finished)


def test_a_truncated_intermediate(finished, tmp_path):
    folder = copy_without(finished, tmp_path / "run")
    name = "results/tiny/estimate/sim_spin/S9/Walking.zarr.zip"
    store = folder / name
    store.write_bytes(store.read_bytes()[:3000])
    stopped = Run(folder, *locally())
    assert stopped.wait() == 1
    assert f"StoreError: {name}: not a readable zipped Zarr store, truncated or damaged" in stopped.text
    assert f"snakemake -f {name}" in stopped.text
    assert Run(folder, *locally("-f", targets=[name])).wait() == 0
    assert Run(folder, *locally()).wait() == 0
    recovered(folder, finished)


ROW = "S11\tWalking\t1\t54138969\t0\t-1\t{split}\n"
FROM_FILES = "dataset={source: human36m}"


def test_a_subject_more(finished, tmp_path):
    """Raw data that is there, as a real data set is: only what the new row asks for is made."""
    folder = copy_without(finished, tmp_path / "run")
    table = folder / "tests/tiny/sequences.tsv"
    three = table.read_text()
    table.write_text(three + ROW.format(split="test"))
    raw = "data/tiny/human36m/S11/files.json"
    assert Run(folder, *locally(targets=[raw])).wait() == 0
    table.write_text(three)
    target = "results/tiny/tables/table_1.csv"
    call = locally("--config", FROM_FILES, targets=[target])
    assert Run(folder, *call).wait() == 0
    before = {path: path.stat().st_mtime_ns for path in folder.glob("results/tiny/**/*.zarr.zip")}
    table.write_text(three + ROW.format(split="test"))
    assert planned(folder, *call) == {"prepare": 1, "estimate": 1, "evaluate": 1, "table_1": 1}
    assert Run(folder, *call).wait() == 0
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert "S11" in (folder / "results/tiny/tables/by_subject.csv").read_text()
    # A training subject changes the regressors, and what is read with them; nobody else's raw work.
    table.write_text(three + ROW.format(split="train"))
    counts = planned(folder, *call)
    assert {counts[rule] for rule in ("prepare", "background", "segment", "estimate")} == {1}
    assert counts["optimize"] == 3 and counts["fit_regressor_spin"] == 1
    print("\njobs repeated: 0; a test subject more: 4 jobs")
