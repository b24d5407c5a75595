"""What a changed setting costs: one dry run for every configuration key, on a finished tiny run.

`page` gives the text of docs/reruns.md; `tools/write_docs.py` writes it. All dry runs are children of
one process that has loaded Snakemake and read the sources once.
"""

import gc
import importlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

TINY = ("--configfile", "tests/tiny/config.yaml")
FILE = "src/jointreg/assets/open_body.npz"
"""Any file that exists, for keys that name one: a dry run reads none."""

CHANGES: dict[str, str] = {
    "run": "run=other",
    "seed": "seed=1",
    "device": "device=cuda optimize={backend: warp}",
    "dataset.source": "dataset={source: human36m}",
    "dataset.root": "dataset={root: data/tiny/elsewhere}",
    "dataset.calibration": "dataset={calibration: data/tiny/elsewhere.xml}",
    "dataset.damaged": "dataset={damaged: config/damaged/human36m.tsv}",
    "dataset.skip_damaged": "dataset={skip_damaged: false}",
    "methods": "methods=[sim_spin,sim_vibe]",
    "initial": "initial=sim_vibe",
    "regressor_std": "regressor_std=data/tiny/other.npy",
    "variants": "variants=[full,no_discriminator]",
    "variant_settings": "variant_settings={full: {learning_rate: 0.02}}",
    **{
        f"synthesize.{key}": f"synthesize={{{key}: {value}}}"
        for key, value in {
            "people": "free",
            "clothes": "loose",
            "joints": "human36m",
            "markers": "moving",
            "furniture": "desks",
        }.items()
    },
    "synthesize.cameras": "synthesize={cameras: ['54138969','55011271']}",
    "synthesize.frames": "synthesize={frames: 9}",
    "synthesize.frames_per_second": "synthesize={frames_per_second: 3.0}",
    "triangulate.weights": f"triangulate={{weights: {FILE}}}",
    "triangulate.outlier_px": "triangulate={outlier_px: 20.0}",
    "triangulate.max_shift": "triangulate={max_shift: 10}",
    "triangulate.smoothing_hz": "triangulate={smoothing_hz: 5.0}",
    "prepare.frame_step": "prepare={frame_step: 2}",
    "prepare.margin_m": "prepare={margin_m: 0.3}",
    "background.max_frames": "background={max_frames: 60}",
    "segment.method": f"segment={{method: landmarker, weights: {FILE}}}",
    "segment.threshold": "segment={threshold: 7.0}",
    "segment.batch": "segment={batch: 2}",
    "estimate.predictions": "estimate={predictions: data/tiny/elsewhere}",
    "estimate.keypoints_iterations": "estimate={keypoints_iterations: 20}",
    "estimate.keypoints_prior": "estimate={keypoints_prior: 0.1}",
    **{f"run_network.{name}": f"run_network={{{name}: {FILE}}}" for name in ("spin", "vibe", "meva")},
    "run_network.mean_params": f"run_network={{mean_params: {FILE}}}",
    **{
        f"run_network.crops.{n}": f"run_network={{crops: {{{n}: {n}}}}}"
        for n in ("spin", "vibe", "meva")
    },
    "run_network.orientation": "run_network={orientation: ray}",
    "run_network.batch": "run_network={batch: 8}",
    **{
        f"fit_regressor.{key}": f"fit_regressor={{{key}: {value}}}"
        for key, value in {
            "translation": "eliminated",
            "sum_weight": 50.0,
            "lateral_error_m": 0.03,
            "depth_error_m": 0.3,
            "candidates_m": 0.2,
            "max_vertices": 20,
            "symmetric": "true",
            "support": FILE,
            "robust": "geman_mcclure",
            "robust_scale_m": 0.02,
            "robust_passes": 2,
            "drop_above_m": 0.2,
            "spin": "{sum_weight: 50.0}",
            "opt": "{sum_weight: 50.0}",
            "variants": "{full: {sum_weight: 50.0}}",
        }.items()
    },
    "fit_learning_curve.fractions": "fit_learning_curve={fractions: [0.5, 1.0]}",
    "train_discriminator.frames": "train_discriminator={frames: 8}",
    "train_discriminator.max_rounds": "train_discriminator={max_rounds: 2}",
    "train_discriminator.tolerance": "train_discriminator={tolerance: 0.1}",
    "train_discriminator.steps": "train_discriminator={steps: 10}",
    "train_discriminator.learning_rate": "train_discriminator={learning_rate: 0.01}",
    **{
        f"optimize.{key}": f"optimize={{{key}: {value}}}"
        for key, value in {
            "solver": "lm",
            "start": "joints",
            "iterations": 90,
            "learning_rate": 0.02,
            "decay": "cosine",
            "batch": 32,
            "store_every": 5,
            "joint": 2.0,
            "silhouette": 2.0,
            "adversarial": 2.0,
            "keypoints": 1.0,
            "weights": "reference_code",
            "regressor": "std",
            "joint_frame": "root_relative",
            "camera": "weak_perspective",
            "camera_iterations": 10,
            "backend": "warp",
            "blur_px": "[4.0]",
            "mask_dilation_px": 1,
            "multiview": "true",
            "share_betas": "subject",
            "label_offsets": "subject",
            "shell": "subject, share_betas: subject",
            "shape_prior": 0.01,
            "uncovered": 0.5,
            "robust_px": 5.0,
        }.items()
    },
    "evaluate.joints": "evaluate={joints: 14}",
    "evaluate.root": "evaluate={root: spine}",
    "evaluate.average": "evaluate={average: actions}",
    "figures.dpi": "figures={dpi: 80}",
}
"""Key -> the change that is tried, as after `snakemake --config`."""

IN_WORDS = {
    "body": "everything that reads bodies, and `convert_body` first: all from `estimate` on",
    "raw_files.changed": "everything that reads raw files of the user, once",
    "raw_files.missing": "nothing",
    "dataset.joints": "everything that reads labels: all from `prepare` on",
    "sequences": "the jobs of new or changed rows: [cluster.md](cluster.md#when-something-goes-wrong)",
    "short_sequences": "`estimate`, `optimize` and all after them, with the same results",
    "methods_table": "methods with changed rows, from `estimate` on, `table_1` and `figures`",
    "own_methods": "as `methods_table`",
    "synthesize.parameters": "as `seed`, if a value in it changes",
    "segment.weights": "as `segment.threshold`",
    "segment.sha256": "as `segment.threshold`",
    "figures.examples": "`figures` and `animation`, if its rows change",
    "figures.variant": "`figures`",
}
"""Keys that name a file of the user or need one: a dry run of the tiny run cannot show their effect."""

ORDER = (
    *("convert_body", "synthesize_rig", "synthesize", "prepare", "background", "segment", "estimate"),
    *("fit_regressor_spin", "energy_weights", "train_discriminator", "optimize"),
    *("optimize_subject", "split_subject", "fit_regressor_opt"),
    *("evaluate", "table_1", "diagnose", "agreement", "export", "figures", "animation"),
    "draw_diagnosis",
)
"""Rules in the order in which they run."""
AFTER_OPTIMIZE = ORDER[ORDER.index("optimize") + 1 :]
LOADED = (
    *("snakemake.cli", "snakemake.report.html_reporter", "smart_open", "pandas"),
    *("jointreg.pipeline.required_files", "jointreg.pipeline.slurm", "jointreg.report.exhibits"),
)
"""What every dry run imports."""

HEAD = """\
# What a changed setting reruns

Generated from one dry run for every key, on the finished tiny run of the tests; a test keeps it up to
date. The first rules have changed settings or inputs. The others follow because their inputs are made
again. *Results* are {results}.
`report` always follows: it prints the configuration.
To see it for your run, with the number of jobs: `snakemake -n --configfile config/<run>.yaml --config
'optimize={{iterations: 50}}'`.

Nothing reruns for: the same call again; a new clone of the same commit with `results`, `.snakemake` and
the data copied into it; an edited comment, docstring or error message; partition, memory or wall time;
`--sdm conda` on or off. Edited code reruns the rules that reach it, by a digest of every function they
can call.

## Raw files that change or vanish

Size and time (whole seconds) of every video, picture, label and prediction file are a parameter of the
rules that read it: `prepare`, `background`, `segment`, `features`, `landmarks`, `estimate`. A file that
is replaced, also by an older one, reruns these jobs and what follows. `results/<run>/raw_files.tsv`
lists what the last plan saw. Data that the workflow makes itself are not listed.

A copy that changes times (`cp` without `-p`, `rsync` without `-t`) therefore reruns everything. Two
ways out:

- `raw_files: {{changed: contents}}` compares sha256 instead. Every file is read once, at the first
  plan, and again only if its size or time changes. Set it before the first run: a later change of the
  key reruns all that reads raw files.
- The contents are the same for sure: `snakemake --touch` with the usual arguments takes the results
  that exist as up to date. See first with `snakemake -n` that nothing else would run.

A raw file that the sequence table or a method asks for and that is gone stops the plan. The error
names subject, action, take, camera and the expected path. That holds for every call, also for
`--report` and `--unlock`. If you deleted videos on purpose, to save space, set
`raw_files: {{missing: keep}}`: results of files that an earlier plan saw stay valid. Keep the labels,
the calibration and the folders of the subjects; they are small. A job that has to run again and needs
a video still stops.

## Settings

| key | first | and after it |
| --- | --- | --- |
"""

NONE = "nothing in this run"


def page(folder: Path) -> str:
    """The text of docs/reruns.md.

    Args:
        folder: a checkout in which the tiny run is finished.
    """
    found = dry_runs(folder)
    rows: list[tuple[str, str, str]] = []
    for key in keys(folder):
        if key in IN_WORDS:
            cells = (IN_WORDS[key], "")
        else:
            first, after = found[key]
            cells = (listed(first) or NONE, listed(after))
        if rows and rows[-1][1:] == cells and rows[-1][0].split(".")[0] == key.split(".")[0]:
            rows[-1] = (f"{rows[-1][0]}, {key}", *cells)
        else:
            rows.append((key, *cells))
    lines = [
        f"| {', '.join(f'`{name}`' for name in names.split(', '))} | {first} | {after} |"
        for names, first, after in rows
    ]
    notes = (
        "\n`run_network.*` concern `features` and `run_network`; `triangulate.*` concern `landmarks` "
        "and `triangulate`. This run has none of these rules. With them `device` reruns `features` "
        "first, and with Mask R-CNN `segment`, and all that follows. `fit_learning_curve.*` concern "
        "the target `learning_curve`, which is no part of `all`.\n"
    )
    return HEAD.format(results=named(AFTER_OPTIMIZE)) + "\n".join(lines) + "\n" + notes


def listed(rules: list[str]) -> str:
    """Rule names as code, in the order in which they run."""
    known = sorted(rules, key=ORDER.index)
    if set(AFTER_OPTIMIZE) <= set(rules):
        return ", ".join(filter(None, [named(known[: -len(AFTER_OPTIMIZE)]), "*results*"]))
    return named(known)


def named(rules: Sequence[str]) -> str:
    """Rule names as code."""
    return ", ".join(f"`{rule}`" for rule in rules)


def keys(folder: Path) -> list[str]:
    """Every key of the configuration, in its order."""
    page = (folder / "config/README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE)


def dry_runs(folder: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Key -> rules that rerun of their own, and those that follow."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve())],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    return {key: tuple(rules) for key, rules in json.loads(done.stdout).items()}


def all_dry_runs(changes: Mapping[str, str]) -> dict[str, tuple[list[str], list[str]]]:
    """The same in this process and this folder: a fork for each change, two at a time."""
    for name in LOADED:
        importlib.import_module(name)
    from snakemake.cli import get_argument_parser

    from jointreg.pipeline.digest_cache import cached_digest

    get_argument_parser()  # looks for plugins once for all
    for script in Path("workflow/scripts").glob("*.py"):
        cached_digest(script)  # reads the package once for all
    gc.freeze()  # no child looks through what this process has loaded
    with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        texts = pool.map(dry_run, changes.values(), chunksize=1)
    return {key: reasons(text) for key, text in zip(changes, texts, strict=True)}


def dry_run(change: str) -> str:
    """Everything that a dry run with this change prints. For a process that does nothing else."""
    from snakemake.cli import main

    settings = re.split(r" (?=\w+=)", change)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        try:
            main(["--dry-run", "--cores", "1", *TINY, "--config", *settings])
        except SystemExit as end:
            status = int(end.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
        stream.seek(0)
        text = stream.read()
    if status:
        raise RuntimeError(f"dry run of {change}:\n{text[-3000:]}")
    return text


def reasons(text: str) -> tuple[list[str], list[str]]:
    """Rules of a dry run that rerun of their own, and those that follow, each sorted by name."""
    if "Nothing to be done" in text:
        return [], []
    first: set[str] = set()
    after: set[str] = set()
    for reason, rules in re.findall(r"^    (\S[^\n]*):\n        (\S[^\n]*)$", text, re.MULTILINE):
        (after if reason == "input files updated by another job" else first).update(rules.split(", "))
    always = {"all", "report"}
    return sorted(first - always), sorted(after - first - always)


if __name__ == "__main__":
    print(json.dumps(all_dry_runs(CHANGES)))
