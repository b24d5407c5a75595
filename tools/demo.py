"""Run one configuration from nothing to its table, then say where everything is.

Usage: python tools/demo.py open|lab [--cores N]
"""

import argparse
import csv
import re
import subprocess
import sys
import time
from pathlib import Path

from jointreg.files.text_table import text_table

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the workflow; print Table I, places, jobs and the share of start-up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", choices=["open", "lab"])
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    begin = time.time()
    snakemake = [
        str(Path(sys.executable).with_name("snakemake")),
        *("--cores", str(arguments.cores), "--configfile", f"config/{arguments.run}.yaml"),
    ]
    done = subprocess.run([*snakemake, "--quiet", "rules"], cwd=ROOT)
    if done.returncode:
        return done.returncode
    results = ROOT / "results" / arguments.run
    print()
    print((results / "tables" / "table_1.txt").read_text(encoding="utf-8"))
    print(agreement(results / "tables" / "agreement.csv"))
    if (results / "tables" / "diagnostics.csv").exists():
        print(against_truth(results / "tables" / "diagnostics.csv"))
    print(f"report      results/{arguments.run}/report.html (open it in a browser; needs no network)")
    print(f"tables      results/{arguments.run}/tables/")
    print(f"pictures    results/{arguments.run}/figures/")
    print(f"regressor   results/{arguments.run}/fit_regressor_opt/J_opt_full.npy (open body, not SMPL)")
    print(jobs(ROOT / "logs" / arguments.run, begin))
    return 0


SHOWN = (
    "joint_error_true_joints",
    "vertex_error_ratio",
    "vertex_error_centred_ratio",
    "t_pose_error_ratio",
    "mask_boundary_bias",
)
"""Comparisons with truth worth a line in the terminal; effects of the discriminator are shown too."""


WHERE = ("method", "variant", "regressor", "metric")
"""Columns of diagnostics.csv that name a comparison."""


def against_truth(table: Path) -> str:
    """The main rows of diagnostics.csv as aligned lines."""
    with table.open(encoding="utf-8") as stream:
        rows = [
            (*(row[key] for key in WHERE), f"{float(row['value']):.2f}", row["unit"])
            for row in csv.DictReader(stream)
            if row["metric"] in SHOWN
            or row["metric"].removesuffix("_discriminator_effect") in (SHOWN[0], "vertex_error")
        ]
    lines = text_table([(*WHERE, "value", "unit"), *rows], "llllr")
    return f"Against the truth (all rows: tables/diagnostics.csv)\n{lines}\n"


def agreement(path: Path) -> str:
    """Bodies against masks and labels, all cameras together, a line a set of bodies."""
    with path.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["camera"] == "all"]
    quantities = list(dict.fromkeys(row["quantity"] for row in rows))
    cells = {
        (row["bodies"], row["quantity"]): f"{float(row['value']):.2f} {row['unit'].strip('1')}".strip()
        for row in rows
    }
    lines = [
        (name, *(cells.get((name, quantity), "") for quantity in quantities))
        for name in dict.fromkeys(row["bodies"] for row in rows)
    ]
    table = text_table([("bodies", *quantities), *lines], "l" + "r" * len(quantities))
    return f"Training bodies against masks and labels (by camera: tables/agreement.csv)\n{table}\n"


def jobs(logs: Path, since: float) -> str:
    """How many jobs wrote a log since then, and the share of their CPU that was start-up."""
    times = [
        re.findall(
            r"^cpu ([\d.]+) s start-up, ([\d.]+) s in all$",
            path.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
        for path in logs.rglob("*.log")
        if path.stat().st_mtime >= since
    ]
    seconds = [(float(found[-1][0]), float(found[-1][1])) for found in times if found]
    if not seconds:
        return f"jobs        0: everything was up to date ({time.time() - since:.0f} s)"
    startup, total = (sum(column) for column in zip(*seconds, strict=True))
    return (
        f"jobs        {len(seconds)} in {time.time() - since:.0f} s; {total:.0f} s of CPU, "
        f"{100 * startup / total:.0f} % of it start-up"
    )


if __name__ == "__main__":
    sys.exit(main())
