"""Configuration files, and what `jointreg doctor` says of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from project import ROOT

from inputs import raw, texts
from inputs.case import Case, Damage, Original, cases
from inputs.texts import YAML, changed, values
from jointreg.config import load, read_yaml
from jointreg.config.loading import fit_settings, optimize_settings

KIND = "configuration"
NAME = "settings.yaml"
BASE = ROOT / "config/config.yaml"
VALUES = {
    key: texts.VALUES[key]
    for key in (
        "nothing",
        "a word",
        "huge",
        "not a number",
        "infinite",
        "negative",
        "true",
        "a list",
        "a table",
        "tiny",
    )
}


def _make(folder: Path) -> None:
    """The defaults and those of the open data set in one file, without comments."""
    (folder / NAME).write_text(YAML.dump(read_yaml(BASE, ROOT / "config/open.yaml")))


def _read(folder: Path, note: Callable[[str], None]) -> Any:
    path = folder / NAME
    settings = load(read_yaml(path), [str(path)])
    for variant in settings.variants:
        optimize_settings(settings, variant, str(path))
        fit_settings(settings, f"opt_{variant}", str(path))
    return settings.model_dump(mode="json")


def _over(folder: Path) -> None:
    """A file that changes a few settings of the defaults."""
    (folder / NAME).write_text("run: mine\nbody: open\nprepare:\n  frame_step: 5\n")


def _doctor(folder: Path, note: Callable[[str], None]) -> Any:
    """What `jointreg doctor --config` finds wrong, but for files that this machine lacks."""
    import os

    from jointreg.pipeline.doctor import examine

    before = Path.cwd()
    os.chdir(ROOT)
    try:
        checks = examine("open", [folder / NAME])
    finally:
        os.chdir(before)
    (check,) = [check for check in checks if check.what == "configuration"]
    return check.result if check.passed else _refused(check.result)


def _refused(text: str) -> str:
    from jointreg.errors import ConfigError

    raise ConfigError(text)


SETTINGS = Original(KIND, "settings", NAME, _make, _read)
DOCTOR = Original(KIND, "doctor", NAME, _over, _doctor)
NUMBERS = (
    *("prepare.frame_step", "prepare.margin_m", "optimize.learning_rate", "optimize.iterations"),
    *("train_discriminator.frames", "train_discriminator.steps", "train_discriminator.learning_rate"),
    *("seed", "figures.dpi", "background.max_frames", "estimate.keypoints_iterations"),
)
WORDS = (
    "run",
    "body",
    "device",
    "dataset.source",
    "optimize.backend",
    "evaluate.root",
    "evaluate.joints",
    "initial",
)
LISTS = ("methods", "variants")


def _line(
    name: str, change: Callable[[str], str], right: str = "refused", untold: bool = False
) -> Damage:
    def apply(path: Path, _: Any) -> None:
        path.write_text(change(path.read_text()))

    return Damage(f"it {name}", apply, right, untold)


LINES = [
    _line("has a key twice", lambda t: t + "run: other\n"),
    _line("has a block twice", lambda t: t + "prepare:\n  frame_step: 2\n"),
    _line("has a tab", lambda t: t.replace("prepare:\n  ", "prepare:\n\t")),
    _line("lacks a colon", lambda t: t.replace("prepare:", "prepare")),
    _line("has a line less deep", lambda t: t.replace("\n  frame_step", "\nframe_step")),
    _line("has an unknown tag", lambda t: t.replace("run: ", "run: !strange ")),
    _line("has a tag of Python", lambda t: t + "more: !!python/object/apply:os.getcwd []\n"),
    _line("has an unknown alias", lambda t: t.replace("run: ", "run: *nobody ")),
    _line("has two documents", lambda t: t + "---\nrun: other\n"),
    _line(
        "has a date for a name",
        lambda t: t.replace("run: open", "run: 2020-01-01").replace("run: mine", "run: 2020-01-01"),
    ),
    _line("has a list for a key", lambda t: t + "? [a, b]\n: 1\n"),
    _line("has a table for a key", lambda t: t + "? {a: b}\n: 1\n"),
    _line("has a number for a key", lambda t: t + "3: 1\n"),
    _line("has nothing for a key", lambda t: t + "~: 1\n"),
    _line("has a misspelt key", lambda t: t.replace("frame_step", "frame_steps")),
    _line("has a key in capitals", lambda t: t.replace("prepare", "Prepare")),
    _line(
        "has a word for a number",
        lambda t: t.replace("frame_step: 5", "frame_step: five").replace(
            "frame_step: 1", "frame_step: five"
        ),
    ),
    _line("has a comma in a number", lambda t: t.replace("frame_step: ", "frame_step: 1,")),
    _line("has an unknown place", lambda t: t.replace("run: ", "run: '{nobody}' #")),
    _line("has a percent sign", lambda t: "%" + t),
    _line("has an open bracket", lambda t: t.replace("run: ", "run: [")),
    _line("has an open quote", lambda t: t.replace("run: ", "run: '")),
]
CHANGES = [
    changed(YAML, "methods are empty", "methods", lambda m: []),
    changed(YAML, "methods have one twice", "methods", lambda m: [*m, m[0]]),
    changed(YAML, "methods are a text", "methods", lambda m: ",".join(m)),
    changed(YAML, "methods contain nothing", "methods", lambda m: [*m, None]),
    changed(YAML, "methods contain a number", "methods", lambda m: [*m, 3]),
    changed(YAML, "variants are empty", "variants", lambda m: []),
    changed(YAML, "variants have one twice", "variants", lambda m: [*m, m[0]]),
    changed(YAML, "variants have an unknown one", "variants", lambda m: [*m, "nobody"]),
    changed(YAML, "variants lack full", "variants", lambda m: m[1:] or ["no_silhouette"]),
    changed(YAML, "initial is no method", "initial", lambda m: "nobody", untold=True),
    changed(YAML, "run is a path", "run", lambda m: "../other"),
    changed(YAML, "run has a blank", "run", lambda m: "my run"),
    changed(YAML, "run is empty", "run", lambda m: ""),
]
NOTHING = ("is empty", "is one line end", "is nothing", "is an empty table")
"""A file without settings: the defaults hold, by right."""
DOCTORED = [*raw.whole(), *texts.letters(comment="# "), *texts.trees(YAML)[:7], *LINES]
CASES: list[Case] = [
    *cases(
        SETTINGS,
        [
            *raw.whole(),
            *raw.cut()[:5],
            *texts.letters(comment="# "),
            *texts.trees(YAML),
            *LINES,
            *CHANGES,
        ],
    ),
    *cases(SETTINGS, values(YAML, NUMBERS, VALUES, untold=["seed is huge", "seed is negative"])),
    *cases(
        SETTINGS,
        values(YAML, WORDS, VALUES, untold=["run is a word", "body is a word", "initial is a word"]),
    ),
    *cases(SETTINGS, values(YAML, LISTS, VALUES)),
    *cases(DOCTOR, [replace(one, untold=one.name in NOTHING) for one in DOCTORED]),
]
