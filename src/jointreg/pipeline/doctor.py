"""The checks of `jointreg doctor`: does everything exist that jointreg and a run need?"""

import functools
import os
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jointreg.config.weights import MASK_RCNN
from jointreg.errors import DataError, JointregError
from jointreg.files.text_table import text_table
from jointreg.pipeline.check import Check, attempt
from jointreg.pipeline.named_rows import look_at_examples, look_at_predictions
from jointreg.pipeline.packages import chosen_packages, packages
from jointreg.pipeline.plan import WRITTEN, require_writable
from jointreg.pipeline.slurm import require_commands

if TYPE_CHECKING:
    from jointreg.config.examples import Example
    from jointreg.config.methods import Method
    from jointreg.config.sequences import Work
    from jointreg.config.settings import Config
    from jointreg.pipeline.raw_files import RawData
    from jointreg.pipeline.required_files import Need


DEFAULTS = Path("config/config.yaml")
"""The file that every run's configuration is merged over, as the Snakefile does."""

CHECKOUT = Path(__file__).resolve().parents[3]
"""The folder of the Snakefile, where this package is installed from a checkout with `pip install -e`."""


def examine(body: str, configs: Sequence[str | Path] = (), slurm: bool = False) -> list[Check]:
    """Check Python, packages, kernels, and the files of a run, or the body alone without a run.

    Args:
        body: "open" or the path of a body model.
        configs: configuration files of one run, merged in this order over config/config.yaml.
        slurm: look for Slurm's commands as well, and for no GPU: its nodes are other machines.
    """
    checks = [Check(True, "python", platform.python_version()), *_unfit(packages())]
    checks.append(attempt("silhouette kernels", _kernels))
    if slurm:
        checks.append(attempt("Slurm's commands", require_commands))
    if configs:
        return checks + _run(configs, slurm)
    return [*checks, attempt("body", lambda: _body(body)), Check(True, "commands", _commands())]


def report(checks: Sequence[Check]) -> str:
    """The checks as one table. A row names the first stage that it blocks; later stages wait too."""
    words = {True: "ok", False: "FAIL", None: "-"}
    rows = [("", "what", "blocks", "found")]
    faults: dict[str, str] = {}
    for check in checks:
        missing = check.passed is False
        get = check.get if missing and "\n  next:" not in check.result else ""
        text = check.result + (f"\nget it: {get}" if get else "")
        if missing and faults.setdefault(check.result, check.what) != check.what:
            text = f"as {faults[check.result]}"
        first, *more = text.splitlines()
        rows.append((words[check.passed], check.what, check.blocks if missing else "", first))
        rows += [("", "", "", line) for line in more]
    return text_table(rows)


def _commands() -> str:
    """The commands that are ready without a run, and what is not."""
    needed = {"--picture": ("matplotlib", "pictures"), "runs by snakemake": ("snakemake", "workflow")}
    more = [
        f"; {what} needs the extra {extra}"
        for what, (package, extra) in needed.items()
        if find_spec(package) is None
    ]
    return "convert, inspect, identify, fit, transfer and evaluate are ready" + "".join(more)


def _unfit(found: Sequence[Check]) -> list[Check]:
    """The packages that are missing or of a wrong version; of the others their number."""
    failed = [check for check in found if check.passed is False]
    if failed or not any(check.passed for check in found):
        return failed or list(found)
    return [Check(True, "packages", f"all {sum(check.passed is True for check in found)}")]


def _kernels() -> str:
    """Compile and run: a tetrahedron with a right-angled triangle of 6 px as outline covers 18 px."""
    from jointreg.silhouette.drawing import covered
    from jointreg.silhouette.topology import Topology

    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    points = np.array([[[4.0, 4.0], [10.0, 4.0], [4.0, 10.0], [6.0, 6.0]]])
    area = float(covered(points, Topology(faces), 16, 16).sum())
    if abs(area - 18) > 1e-6:
        raise DataError(f"a silhouette of 18 px is {area:.6f} px", "reinstall numba and numpy")
    return "compiled, and right"


def _body(name: str) -> str:
    from jointreg.body.files import load_body

    body = load_body(name)
    return f"{name}: {body.n_vertices} vertices, {body.n_betas} shape directions"


class Run(NamedTuple):
    """A run's configuration and tables."""

    config: "Config"
    work: "list[Work]"
    methods: "dict[str, Method]"
    examples: "list[Example]"
    notes: list[str]
    """What the tables name and the run lacks."""

    def raw_files(self) -> "RawData":
        """The raw files of the run."""
        from jointreg.pipeline.raw_files import RawData

        record = Path("results", self.config.run, "raw_files.tsv")
        return RawData(self.config, self.work, self.methods, self.examples, record)


def _run(configs: Sequence[str | Path], slurm: bool) -> list[Check]:
    """Check that the files a run needs exist and contain what they should."""
    from jointreg.config.sequences import split_notes
    from jointreg.pipeline.required_files import STAGES, jobs, needs, waiting

    try:
        run = _read(configs)
    except JointregError as error:
        return [Check(False, "configuration", str(error), blocks="prepare")]
    counts = jobs(run.config, run.work, run.examples)
    found = "\n".join([f"run {run.config.run}, {len(run.work)} sequences", *split_notes(run.work)])
    checks = [Check(True, "configuration", found)]
    checks.append(attempt("frames of figures", lambda: _look_at_examples(run), blocks="paper"))
    if run.config.dataset.source == "synthetic":
        checks.append(Check(True, "raw data", "made by the workflow"))
        checks.append(attempt("body", lambda: _body(run.config.body)))
    checks += chosen_packages(run.config, slurm)
    for need in needs(run.config, run.work, run.methods):
        if need.kind == "subject" and not Path(run.config.dataset.root).exists():
            continue
        if Path(need.path).exists():
            look = functools.partial(_look, need, run)
            checks.append(attempt(need.what, look, need.get, need.blocks))
        else:
            checks.append(Check(False, need.what, f"missing: {need.absent}", need.get, need.blocks))
    checks.append(attempt("folders to write to", lambda: require_writable(*WRITTEN), blocks="prepare"))
    checks.append(_disk(run))
    blocked = waiting([check.blocks for check in checks if check.passed is False])
    words = {stage: f" ({count} job{'s' if count > 1 else ''})" for stage, count in counts.items()}
    named = {stage: stage + words.get(stage, "") for stage in STAGES}
    runs = [named[stage] for stage in STAGES if stage not in blocked]
    checks.append(Check(None, "can run", ", ".join(runs) or "nothing"))
    if blocked:
        waits = ", ".join(named[stage] for stage in blocked)
        checks.append(
            Check(None, "waits", f"{waits}; snakemake starts nothing before all files are there")
        )
    return checks


def _look_at_examples(run: Run) -> str:
    return "\n".join([look_at_examples(run.config, run.work, run.examples), *run.notes])


def _disk(run: Run) -> Check:
    """The space that the run will fill, against the free space where its results go."""
    from jointreg.pipeline.disk import disk
    from jointreg.pipeline.lengths import MEAN_RECORDING, recording_frames

    known = recording_frames(run.config, run.work)
    sizes = disk(run.config, run.work, run.methods, known)
    there = sum(
        path.stat().st_size
        for folder in ("results", "data")
        for path in Path(folder, run.config.run).rglob("*")
        if path.is_file() and (folder == "results" or run.config.dataset.source == "synthetic")
    )
    free = shutil.disk_usage(Path()).free
    total = sum(sizes.values())
    parts = ", ".join(f"{stage} {_bytes(size)}" for stage, size in list(sizes.items())[:3])
    result = f"about {_bytes(total)} for the whole run ({parts}); {_bytes(free)} free"
    result += f", {_bytes(there)} there" if there else ""
    takes = [take for row in run.work if row.last_frame < 0 for take in row.takes]
    if assumed := sum(take not in known for take in takes):
        result += f"\n{assumed} takes assumed to have {MEAN_RECORDING} frames, Human3.6M's mean"
    enough = total <= free + there
    return Check(enough, "disk", result, "make room, or link `results` to a larger disk", "prepare")


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _read(configs: Sequence[str | Path]) -> Run:
    from jointreg.config.examples import load_examples
    from jointreg.config.loading import load
    from jointreg.config.methods import load_methods, require_bodies
    from jointreg.config.sequences import load_sequences, require_splits
    from jointreg.config.yaml_files import read_yaml

    home = Path() if DEFAULTS.is_file() else Path(os.path.relpath(CHECKOUT))
    files = [home / DEFAULTS, *map(Path, configs)]
    missing = [path for path in files if not path.is_file()]
    if missing:
        there = [str(home / path) for path in missing if (home / path).is_file()]
        raise DataError(
            f"{', '.join(map(str, missing))} not found",
            f"write {' '.join(there)}" if there else "check the path, or call this in the checkout",
        )
    if empty := [str(path) for path in files if not read_yaml(path)]:
        raise DataError(
            f"{', '.join(empty)}: no key, and Snakemake refuses such a file", "add keys, or leave it out"
        )
    config = load(read_yaml(*files), [str(path) for path in files], home)
    used = sorted({config.initial, *config.methods})
    work = load_sequences(config.sequences)
    require_splits(work, config.sequences)
    methods = load_methods(*config.methods_tables, required=used)
    require_bodies(methods, config.initial)
    notes: list[str] = []
    examples = load_examples(config.figures.examples, work, notes.append)
    return Run(config, work, methods, examples, notes)


def _look(need: "Need", run: Run) -> str:
    """Describe the file of a need, or raise the error that reading it gives."""
    look = LOOKS.get(need.kind)
    return need.path if look is None else look(need, run)


def _look_at_root(need: "Need", run: Run) -> str:
    if run.config.dataset.kind == "human36m":
        from jointreg.datasets.human36m.layouts import human36m_layout

        return f"{need.path}: layout {human36m_layout(need.path)}"
    if not Path(run.config.dataset.calibration).is_file():
        return f"{need.path}: recordings not looked for, because the cameras are missing"
    return f"{need.path}: {_recordings(run)}"


def _look_at_subject(need: "Need", run: Run) -> str:
    return _recordings(run, Path(need.path).name)


def _recordings(run: Run, subject: str | None = None) -> str:
    """Check that every take and camera of the table exists, and read the first take of each subject."""
    from jointreg.datasets.checks import check_recording
    from jointreg.datasets.in_picture import share_in_picture
    from jointreg.datasets.readers import open_dataset
    from jointreg.pipeline.raw_files import shortened

    raw_files = run.raw_files()
    sources = raw_files.recordings(subject)
    missing = raw_files.missing(sources)
    if missing:
        raise DataError(
            f"missing:\n{shortened(missing)}",
            "get them, or take them out of the sequence table; or into dataset.damaged if damaged",
        )
    rows = [row for row in run.work if subject in (None, row.subject)]
    files = {file for source in sources for file in source.files}
    empty = sorted(str(file) for file in files if file.is_file() and not file.stat().st_size)
    if empty:
        raise DataError(f"empty, 0 bytes:\n{shortened(empty)}", "copy or unpack them again")
    result = f"{len(files)} files and folders of {len(rows)} sequence{'s' if len(rows) > 1 else ''}"
    if run.config.dataset.source == "landmarks":
        return f"{result}; the labels are made by the workflow"
    if not all(file.exists() for file in files):
        return f"{result}, some of them gone (raw_files: {{missing: keep}})"
    dataset = open_dataset(run.config.dataset)
    shares: dict[str, float] = {}
    notes: list[str] = []
    first = {row.subject: row for row in reversed(rows)}
    for row in sorted(first.values(), key=rows.index):
        for recording in dataset.recordings(replace(row, takes=row.takes[:1])):
            check_recording(recording, notes.append)
            name = recording.camera.name
            shares[name] = min(share_in_picture(recording), shares.get(name, 1.0))
    seen = ", ".join(f"{name} {share:.0%}" for name, share in sorted(shares.items()))
    return "\n".join(
        [f"{result}; each subject's first take is sound", f"labels in the picture: {seen}", *notes]
    )


def _look_at_cameras(need: "Need", run: Run) -> str:
    """Read the calibration, and compare its cameras with those of the sequence table."""
    if run.config.dataset.kind == "human36m":
        from jointreg.datasets.human36m.metadata import read_metadata

        metadata = read_metadata(need.path)
        return f"{need.path}: {len(metadata.cameras)} cameras, {len(metadata.mapping)} takes named"
    from jointreg.datasets.calibration import read_calibration

    cameras = read_calibration(need.path)
    lacking = sorted({camera for row in run.work for camera in row.cameras} - set(cameras))
    if lacking:
        raise DataError(
            f"{need.path} lacks the cameras {', '.join(lacking)} of the sequence table; it has "
            f"{', '.join(sorted(cameras))}",
            "correct column cameras of the sequence table, or dataset.calibration",
        )
    return f"{need.path}: {len(cameras)} camera{'s' if len(cameras) > 1 else ''}"


def _look_at_damaged(need: "Need", run: Run) -> str:
    """Read the table, and note the rows that name no recording of the run."""
    from jointreg.datasets.damaged import read_damaged, unmatched

    damaged = read_damaged(need.path)
    others = unmatched(damaged, run.work)
    words = f"{need.path}: {len(damaged)} rows"
    if others:
        first = " ".join(vars(others[0])[key] for key in ("subject", "action", "take", "camera"))
        words += f", {len(others)} of which name no recording of this run, first {first}"
    return words


def _look_at_regressor(need: "Need", run: Run) -> str:
    from jointreg.body.files import load_body
    from jointreg.exchange.regressor_files import load_regressor

    if run.config.body != "open" and not Path(run.config.body).exists():
        return f"{need.path}: not compared with the body, which is missing"
    notes: list[str] = []
    load_regressor(need.path, load_body(run.config.body), note=notes.append)
    return "; ".join([f"{need.path}: fits the body", *notes])


def _look_at_checkpoint(need: "Need", run: Run) -> str:
    """Load the network as its rule does; without the mean parameters read its weights alone."""
    from jointreg.estimators.checkpoint import read_state
    from jointreg.estimators.networks import load_backbone, load_head

    network, mean = need.kind.removeprefix("run_network."), run.config.run_network.mean_params
    if mean and not Path(mean).is_file():
        read_state(need.path, network)
        return f"{need.path}: of {network}; the mean parameters are missing"
    if network == "spin":
        load_backbone(need.path)
    load_head(network, checkpoint=need.path, mean_params=mean or None)
    return f"{need.path}: fits the network"


def _look_at_mean_params(need: "Need", run: Run) -> str:
    from jointreg.estimators.checkpoint import read_mean_params

    read_mean_params(need.path)
    return f"{need.path}: a mean body"


def _look_at_weights(need: "Need", run: Run) -> str:
    """Read the network of the masks or of the landmarks."""
    segment = run.config.segment
    if need.kind == "segment.weights" and segment.method in MASK_RCNN:
        from jointreg.segmentation.mask_rcnn import read_weights

        state = read_weights(need.path, segment.sha256, need.get)
        return f"{need.path}: {len(state)} parameters, sha256 as configured"
    from jointreg.labels.landmarker import Landmarker

    Landmarker(need.path)
    return f"{need.path}: a landmark network"


def _there(body: str) -> bool:
    return body == "open" or Path(body).exists()


LOOKS: dict[str, Callable[["Need", Run], str]] = {
    "root": _look_at_root,
    "subject": _look_at_subject,
    "dataset.calibration": _look_at_cameras,
    "dataset.damaged": _look_at_damaged,
    "body": lambda need, run: _body(need.path),
    "regressor_std": _look_at_regressor,
    "predictions": lambda need, run: look_at_predictions(
        run.config, run.work, run.methods[need.what.removeprefix("predictions of ")]
    ),
    "run_network.spin": _look_at_checkpoint,
    "run_network.vibe": _look_at_checkpoint,
    "run_network.meva": _look_at_checkpoint,
    "run_network.mean_params": _look_at_mean_params,
    "segment.weights": _look_at_weights,
    "triangulate.weights": _look_at_weights,
}
"""How to read a need of each kind. Files of other kinds only have to exist."""
