"""Start-up against work, from the logs of a finished run, and projected to the full data set.

`python benchmarks/overhead.py --run open_full`, a run with a job for each sequence. Every log ends with
the CPU seconds until its script began, imports included, and in all. Full: Human3.6M's 2,110,712 frames,
every fifth, 105 sequences; work grows with the frames, start-up with the jobs. On Slurm every job starts
Snakemake twice more.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from scale import empty_data

from jointreg import stores
from jointreg.config.sequences import load_sequences

FRAMES, TRAINING = 2_110_712 // 5, 1_559_985 // 5
STAGES = {  # jobs and frames of the paper's run: three methods, three variants
    "prepare": (105, FRAMES),
    "segment": (75, TRAINING),
    "estimate": (105 + 2 * 30, TRAINING + 3 * (FRAMES - TRAINING)),
    "fit_regressor_spin": (1, TRAINING),
    "optimize": (3 * 75, 3 * TRAINING),
    "fit_regressor_opt": (3, 3 * TRAINING),
    "evaluate": (3 * 2, 3 * (FRAMES - TRAINING)),
}


class Cost(NamedTuple):
    """CPU of one rule: jobs, seconds of start-up a job, the longest of them, seconds of work a job."""

    jobs: int
    startup: float
    longest: float
    work: float


def costs(logs: Path) -> dict[str, Cost]:
    """Rule -> its cost, from the last line of every log."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for path in logs.rglob("*.log"):
        times = re.findall(
            r"^cpu ([\d.]+) s start-up, ([\d.]+) s in all$", path.read_text(encoding="utf-8"), re.M
        )
        if times:
            found[path.relative_to(logs).parts[0].removesuffix(".log")].append(
                (float(times[-1][0]), float(times[-1][1]))
            )
    result = {}
    for rule, rows in found.items():
        startup = [row[0] for row in rows]
        total = sum(row[1] for row in rows)
        mean = sum(startup) / len(rows)
        result[rule] = Cost(len(rows), mean, max(startup), total / len(rows) - mean)
    return result


def frames_of(results: Path, run: str) -> dict[str, float]:
    """Rule -> frames of one of its jobs, on the average, of rules whose work grows with the frames."""
    count: dict[tuple[str, str], int] = {}
    for row in load_sequences(f"config/sequences/{run}.tsv"):
        path = results / f"prepare/{row.subject}/{row.action}.zarr.zip"
        count[row.subject, row.split] = count.get((row.subject, row.split), 0) + len(
            stores.FRAMES.read(path, only=["frame"]).frame
        )
    sequences = len(list((results / "prepare").rglob("*.zarr.zip")))
    training = sum(frames for (_, split), frames in count.items() if split == "train")
    tested = [frames for (_, split), frames in count.items() if split == "test"]
    per_sequence = sum(count.values()) / sequences
    return {
        **dict.fromkeys(("prepare", "segment", "estimate", "optimize"), per_sequence),
        **dict.fromkeys(("fit_regressor_spin", "fit_regressor_opt"), training),
        "evaluate": sum(tested) / len(tested),
    }


def snakemake_start() -> float:
    """CPU seconds in which Snakemake reads the workflow of the full data set and plans one job."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "full"
        empty_data(folder)
        code = (
            "import os, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, "
            "stderr=subprocess.DEVNULL); t = os.times(); print(t.children_user + t.children_system)"
        )
        target = "results/human36m/prepare/S1/Walking.zarr.zip"
        call = [str(Path(sys.executable).with_name("snakemake")), "--cores", "1", "-n", target]
        done = subprocess.run(
            [sys.executable, "-c", code, *call], cwd=folder, capture_output=True, text=True
        )
        return float(done.stdout)


def main() -> None:
    """Print cost and share of start-up by rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="open_full")
    parser.add_argument("--folder", type=Path, default=Path(), help="checkout that holds the run")
    arguments = parser.parse_args()
    found = costs(arguments.folder / "logs" / arguments.run)
    frames_a_job = frames_of(arguments.folder / "results" / arguments.run, arguments.run)
    print(f"run {arguments.run}: CPU seconds a job\n")
    print("| rule | jobs | start-up | longest | work | work, ms a frame | share of start-up |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for rule, cost in sorted(found.items()):
        per_frame = 1e3 * cost.work / frames_a_job[rule] if rule in frames_a_job else None
        shown = f"{per_frame:.2f}" if per_frame is not None else ""
        share = cost.startup / (cost.startup + cost.work)
        print(
            f"| {rule} | {cost.jobs} | {cost.startup:.2f} | {cost.longest:.2f} | {cost.work:.2f} "
            f"| {shown} | {share:.1%} |"
        )
    startup = sum(cost.jobs * cost.startup for cost in found.values())
    work = sum(cost.jobs * cost.work for cost in found.values())
    print(f"\nthis run: {startup:.0f} s of start-up, {startup / (startup + work):.1%} of its CPU")
    start = snakemake_start()
    print(
        f"\nfull data set, projected; on Slurm a job starts Snakemake twice more, {start:.1f} s each\n"
    )
    print("| stage | jobs | CPU hours of work | start-up, local | start-up, Slurm |")
    print("| --- | ---: | ---: | ---: | ---: |")
    sums = [0.0, 0.0, 0.0]
    for rule, (jobs, frames) in STAGES.items():
        seconds = frames * found[rule].work / frames_a_job[rule]
        local = jobs * found[rule].startup
        slurm = local + jobs * 2 * start
        sums = [a + b for a, b in zip(sums, (seconds, local, slurm), strict=True)]
        shares = " | ".join(f"{t / (t + seconds):.2%}" for t in (local, slurm))
        print(f"| {rule} | {jobs} | {seconds / 3600:.2f} | {shares} |")
    shares = " | ".join(f"{t / (t + sums[0]):.2%}" for t in sums[1:])
    print(f"| all of these | {sum(j for j, _ in STAGES.values())} | {sums[0] / 3600:.2f} | {shares} |")


if __name__ == "__main__":
    main()
