"""When does it help to refit the regressor on refined bodies? One run for each kind of world and seed.

Usage: python tools/what_survives.py run [--worlds NAME ...] [--seeds N] [--cores N]
       python tools/what_survives.py table

`run` makes a small open data set for every world and seed, refines its bodies by several variants, and
compares with the truth; ten minutes of one core a run. A run that is finished is not made
again. `table` prints what is there, as tables of Markdown.
"""

import argparse
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy import stats

from jointreg.config import read_yaml

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "build/what_survives"
REAL = {
    "joints": "human36m",
    "people": "free",
    "clothes": "loose",
    "markers": "moving",
    "furniture": "desks",
}
WORLDS: dict[str, dict[str, str]] = {
    "the demo's": {},
    "joints of Human3.6M": {"joints": "human36m"},
    "free people": {"people": "free"},
    "tight clothes": {"clothes": "tight"},
    "loose clothes": {"clothes": "loose"},
    "moving labels": {"markers": "moving"},
    "furniture": {"furniture": "desks"},
    "all, tight": REAL | {"clothes": "tight"},
    "all, loose": REAL,
}
FIRST_SEED = {"seed": 2022, "planted_seed": 2}
"""Of the demo. Run k has both, plus k."""
JOINTS = "joint_error_true_joints"
FIRST_ROUND = "_start"
"""End of the names of variants that are the first of two rounds; they get no column."""


def main() -> None:
    """Run or print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5, help="runs a world (default: 5)")
    parser.add_argument("--cores", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.what == "run":
        for seed in range(chosen.seeds):
            for world in chosen.worlds:
                run(world, seed, chosen.cores)
    print("\n".join(report(read_runs())))


def run(world: str, seed: int, cores: int) -> None:
    """Make one run, up to its comparison with the truth."""
    name = run_name(world, seed)
    folder = RUNS / name
    folder.mkdir(parents=True, exist_ok=True)
    planted = read_yaml(ROOT / "config/generator.yaml")
    planted["planted_seed"] = FIRST_SEED["planted_seed"] + seed
    (folder / "generator.yaml").write_text(yaml.safe_dump(planted), encoding="utf-8")
    settings = {
        "run": name,
        "seed": FIRST_SEED["seed"] + seed,
        "synthesize": WORLDS[world] | {"parameters": str(folder / "generator.yaml")},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    files = [*(f"config/{part}.yaml" for part in ("open", "what_survives")), folder / "config.yaml"]
    target = f"results/{name}/tables/diagnostics.csv"
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--quiet", "rules"]
    subprocess.run([*command, "--configfile", *map(str, files), "--", target], cwd=ROOT, check=True)
    (folder / "diagnostics.csv").write_bytes((ROOT / target).read_bytes())


def run_name(world: str, seed: int) -> str:
    """Name of a run: letters, digits and underscores."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in world)
    return f"what_survives_{plain}_{seed}"


def read_runs() -> dict[str, list[pd.DataFrame]]:
    """World -> diagnostics of its finished runs, in the order of the seeds."""
    runs = defaultdict(list)
    for world in WORLDS:
        for seed in range(1000):
            path = RUNS / run_name(world, seed) / "diagnostics.csv"
            if not path.is_file():
                break
            runs[world].append(pd.read_csv(path))
    return dict(runs)


def report(runs: Mapping[str, Sequence[pd.DataFrame]]) -> list[str]:
    """Three tables: errors of regressors, what refitting brings, and the bodies."""
    lines = []
    for suffix, title in (("", "as they stand"), ("_root_aligned", "after root alignment")):
        lines += ["", f"Joints on true bodies of held-out people, {title}, mm: mean [95 % interval]", ""]
        lines += _table(runs, lambda one, suffix=suffix: regressor_errors(one, JOINTS + suffix))
    for metric in ("vertex_error_centred", "t_pose_error", "volume_ratio"):
        lines += ["", f"Bodies of the training people, {metric}: mean [95 % interval]", ""]
        lines += _table(runs, lambda one, metric=metric: body_values(one, metric))
    return lines[1:]


def regressor_errors(diagnostics: pd.DataFrame, metric: str) -> dict[str, float]:
    """Column -> error of J_std, J_spin and every J_opt, and what those of `full` and `shell` gain."""
    rows = diagnostics[(diagnostics["method"] == "truth") & (diagnostics["metric"] == metric)]
    columns = {}
    for row in rows.itertuples():
        columns[row.regressor if row.variant == "-" else row.variant] = row.value
    gains = {f"spin - {name}": columns["spin"] - columns[name] for name in ("full", "shell")}
    return {name: value for name, value in columns.items() if not name.endswith(FIRST_ROUND)} | gains


def body_values(diagnostics: pd.DataFrame, metric: str) -> dict[str, float]:
    """Column -> value of the initial bodies and of every variant's."""
    rows = diagnostics[(diagnostics["method"] == "sim_spin") & (diagnostics["metric"] == metric)]
    values = {"initial" if row.variant == "-" else row.variant: row.value for row in rows.itertuples()}
    return {name: value for name, value in values.items() if not name.endswith(FIRST_ROUND)}


def interval(values: Sequence[float]) -> str:
    """Mean and the 95 % interval of Student's t over runs; the mean alone of one run."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.2f}" if abs(mean) < 2 else f"{mean:.1f}"
    half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    digits = 2 if abs(mean) < 2 else 1
    return f"{mean:.{digits}f} [{mean - half:.{digits}f}, {mean + half:.{digits}f}]"


def _table(runs: Mapping[str, Sequence[pd.DataFrame]], columns_of) -> list[str]:
    read = {world: [columns_of(one) for one in some] for world, some in runs.items()}
    names = list(dict.fromkeys(name for some in read.values() for one in some for name in one))
    lines = [f"| world | runs | {' | '.join(names)} |", "| --- |" + " ---: |" * (1 + len(names))]
    for world, some in read.items():
        cells = [interval([one[name] for one in some if name in one] or [np.nan]) for name in names]
        lines.append(f"| {world} | {len(some)} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
