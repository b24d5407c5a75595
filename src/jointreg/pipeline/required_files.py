"""The files of a run that no rule makes: where each comes from, and which stages wait for it.

`needs` is the one list. The Snakefile stops before any job if a file is missing (`require`), and
`jointreg doctor` checks the files that exist. A file named by a configuration key is a row of `FILES`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jointreg.config.examples import Example
from jointreg.config.loading import optimize_settings
from jointreg.config.methods import FROM_FILES, NETWORKS, Method, network_of
from jointreg.config.sequences import Work
from jointreg.config.settings import Config
from jointreg.config.weights import GET_WEIGHTS
from jointreg.datasets.human36m.metadata import LABELLED, LEAVE_OUT
from jointreg.errors import ConfigError
from jointreg.files.input import absence

GET_DATA = {
    "human36m": "Human3.6M: register at http://vision.imar.ro/human3.6m and put or link the files there "
    "(docs/human36m.md)",
    "multiview": "docs/own_data.md lists the files; config/lab.yaml: python tools/fetch_lab.py",
}
"""Where the data of each kind comes from."""
UNPUBLISHED = f"its labels are not published: {LEAVE_OUT}"

STAGES: dict[str, tuple[str, ...]] = {
    "prepare": (),
    "segment": ("prepare",),
    "estimate": ("prepare",),
    "fit_regressor_spin": ("estimate",),
    "optimize": ("segment", "fit_regressor_spin"),
    "fit_regressor_opt": ("optimize",),
    "evaluate": ("estimate", "fit_regressor_opt"),
    "paper": ("evaluate",),
}
"""Stages in order, and what each waits for."""


@dataclass(frozen=True)
class Need:
    """A file or folder that has to be there."""

    path: str
    kind: str
    """root, subject, cameras, predictions, or the key of the configuration that names it."""
    what: str
    get: str
    """Where it comes from; empty if the row above says it."""
    blocks: str
    """The first stage that cannot run without it."""

    @property
    def absent(self) -> str:
        """The path of a file that is missing; of a link to nothing what it names."""
        how = absence(Path(self.path))
        return self.path if how == "does not exist" else f"{self.path} {how}"


@dataclass(frozen=True)
class File:
    """A configuration key whose value is a file path.

    The values `open` and the empty string mean that no file is needed.
    """

    key: str
    what: str
    get: Callable[[Config], str]
    blocks: str
    when: Callable[[Config, set[str]], bool] = lambda config, kinds: True
    """Whether a run with methods of these kinds needs it."""


def _not_made(config: Config, kinds: set[str]) -> bool:
    """Whether the data are files of the user: the workflow makes those of the open data set."""
    return config.dataset.source != "synthetic"


FILES = (
    File(
        "dataset.calibration", "cameras", lambda c: GET_DATA[c.dataset.kind], "prepare", when=_not_made
    ),
    File(
        "dataset.damaged",
        "table of damaged recordings",
        lambda c: 'correct the path, or set dataset.damaged: ""',
        "prepare",
    ),
    File(
        "body",
        "body model",
        lambda c: "SMPL_NEUTRAL.pkl: register at https://smpl.is.tue.mpg.de (SMPLify); or body: open",
        "estimate",
    ),
    File(
        "regressor_std",
        "J_std",
        lambda c: "J_regressor_h36m.npy, in the data archive that SPIN's fetch_data.sh gets",
        "evaluate",
        when=_not_made,
    ),
    File(
        "run_network.spin",
        "checkpoint of SPIN, the backbone of all networks",
        lambda c: "docs/networks.md",
        "estimate",
        when=lambda c, kinds: bool(kinds & set(NETWORKS)),
    ),
    File(
        "run_network.vibe",
        "checkpoint of VIBE",
        lambda c: "docs/networks.md",
        "estimate",
        when=lambda c, kinds: "vibe" in map(network_of, kinds),
    ),
    File(
        "run_network.meva",
        "checkpoint of MEVA",
        lambda c: "docs/networks.md",
        "estimate",
        when=lambda c, kinds: "meva" in map(network_of, kinds),
    ),
    File(
        "run_network.mean_params",
        "mean parameters of the networks",
        lambda c: "docs/networks.md",
        "estimate",
        when=lambda c, kinds: bool(kinds & set(NETWORKS)),
    ),
    *(
        File(
            f"fit_regressor_{name}.support",
            f"support of J_{name}",
            lambda c: "fit_regressor.support, or the same key of its blocks spin and opt",
            f"fit_regressor_{name}",
        )
        for name in ("spin", "opt")
    ),
    File(
        "segment.weights",
        "weights of the segmenter",
        lambda c: GET_WEIGHTS.get(c.segment.method, "docs/human36m.md#masks"),
        "segment",
    ),
    File(
        "triangulate.weights",
        "weights of the landmarker",
        lambda c: GET_WEIGHTS["landmarker"],
        "prepare",
    ),
)


def needs(config: Config, work: Sequence[Work], methods: Mapping[str, Method]) -> list[Need]:
    """Everything that a run needs from outside, in the order of its stages.

    Args:
        config: the configuration.
        work: the table of sequences.
        methods: the table of methods.
    """
    files: list[Need] = []
    made = config.dataset.source == "synthetic"
    get = GET_DATA[config.dataset.kind]
    if not made:
        root = Path(config.dataset.root)
        files.append(Need(str(root), "root", "raw data", get, "prepare"))
        if config.dataset.kind == "human36m":
            for subject in sorted({row.subject for row in work}, key=lambda name: (len(name), name)):
                path = str(root / subject)
                known = "" if subject in LABELLED else UNPUBLISHED
                files.append(Need(path, "subject", f"subject {subject}", known, "prepare"))
    used = dict.fromkeys([config.initial, *config.methods])
    kinds = {methods[name].kind for name in used}
    for file in FILES:
        path = _value(config, file.key)
        if path not in ("", "open") and file.when(config, kinds):
            files.append(Need(path, file.key, file.what, file.get(config), file.blocks))
    for name in used if not made else ():
        if methods[name].kind in FROM_FILES:
            fixed = Path(config.estimate.predictions, methods[name].files.split("{")[0])
            path = str(fixed if "{" not in methods[name].files else _folder(fixed, methods[name].files))
            stage = "estimate" if name == config.initial else "evaluate"
            what = f"predictions of {name}"
            files.append(Need(path, "predictions", what, "docs/methods.md lists keys and shapes", stage))
            what = f"map of the meshes of {name}"
            maps = (path for path in methods[name].map_files if path)
            files += [Need(path, "map", what, "docs/vertices.md", stage) for path in maps]
    return files


def require(config: Config, work: Sequence[Work], methods: Mapping[str, Method]) -> None:
    """Stop before any job is made when something is not on disk.

    Raises:
        ConfigError: lists every missing file or folder, and where it comes from.
    """
    missing = [need for need in needs(config, work, methods) if not Path(need.path).exists()]
    if missing:
        lines = [
            f"  {need.absent}  ({need.what}{': ' if need.get else ''}{need.get})" for need in missing
        ]
        raise ConfigError(
            f"run '{config.run}': not on disk:\n" + "\n".join(lines),
            "jointreg doctor --config FILE lists what waits for each file; without data: "
            "snakemake --configfile config/open.yaml",
        )


def waiting(blocked: Sequence[str]) -> list[str]:
    """Stages that cannot run when these cannot, in order."""
    stopped: list[str] = []
    for stage, before in STAGES.items():
        if stage in blocked or any(name in stopped for name in before):
            stopped.append(stage)
    return stopped


def jobs(config: Config, work: Sequence[Work], examples: Sequence[Example]) -> dict[str, int]:
    """Jobs of the stages that have many.

    Args:
        config: the configuration.
        work: the table of sequences.
        examples: the frames that figures show; test sequences among them are refined once.
    """
    train = [row for row in work if row.split == "train"]
    test = [row for row in work if row.split == "test"]
    drawn = len({(one.subject, one.action) for one in examples} & {(r.subject, r.action) for r in test})
    others = [name for name in config.methods if name != config.initial]
    initial = len(test) if config.initial in config.methods else drawn

    def together(sequences: int) -> int:
        return min(sequences, 1) if config.short_sequences else sequences

    # Others are refined by subject, in jobs of the rule optimize_subject.
    alone = [name for name in config.variants if not optimize_settings(config, name).by_subject]
    return {
        "prepare": len(work),
        "segment": len(train) + drawn,
        "estimate": together(len(train)) + together(initial) + len(others) * together(len(test)),
        "optimize": len(alone) * together(len(train)) + drawn,
        "evaluate": len(config.methods) * len({row.subject for row in test}),
    }


def _folder(fixed: Path, pattern: str) -> Path:
    """The folders of a path that come before its first placeholder."""
    return fixed if pattern.split("{")[0].endswith("/") else fixed.parent


def _value(config: Config, key: str) -> str:
    value: object = config
    for name in key.split("."):
        value = getattr(value, name)
    return str(value)
