"""Scores as an aligned table, csv or json, with the protocol in words."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from jointreg import __version__
from jointreg.evaluation.presets import OWN, Protocol
from jointreg.evaluation.score_files import Pair, Scores, consecutive
from jointreg.evaluation.sides import Side
from jointreg.files.text_table import text_table
from jointreg.metrics import AUC_STEPS
from jointreg.predictions.vertices import mesh_name

Form = Literal["table", "csv", "json"]

TITLES = {
    "mpjpe": "MPJPE",
    "pa_mpjpe": "PA-MPJPE",
    "pve": "PVE",
    "acceleration": "accel.",
    "pck150": "PCK@150",
    "auc": "AUC",
}
"""Metric -> its heading."""

COLUMNS = ("regressor", "metric", "joint", "value", "unit", "frames")
"""Columns of csv and of the rows of json. `joint` is empty for a mean over joints."""

BEST_AUC = 100 * (1 - 1 / AUC_STEPS)
"""Percent: no error is below the first threshold, 0 mm."""

ABOUT = (
    *("regressor_sha256", "protocol", "joint_set", "root", "predictions", "truth", "body", "truth_body"),
    *("truth_regressor", "truth_regressor_sha256", "jointreg"),
)
"""What a number depends on: more columns. Joints that count and root in words, paths, sha256 of files
(of `own` that of the body's file), and the version. Empty where nothing is read."""


def unit_of(metric: str, protocol: Protocol) -> str:
    """Unit of a metric's value."""
    if metric == "acceleration":
        return "m/s2" if protocol.frame_rate else "mm/frame2"
    return "%" if metric in ("pck150", "auc") else "mm"


def score_rows(scores: Scores, protocol: Protocol, *, per_joint: bool = False) -> list[dict[str, Any]]:
    """One row a number, with the keys `COLUMNS`."""
    table: list[tuple[str, str, str, float]] = []
    for name, means in scores.means.items():
        table += [(name, metric, "", value) for metric, value in means.items()]
        if per_joint:
            known = protocol.joints.joints
            table += [
                (name, metric, joint, float(values[known.index(joint)]))
                for metric, values in scores.joints[name].items()
                for joint in protocol.counted
            ]
    rows = []
    for name, metric, joint, value in table:
        frames = scores.accelerations if metric == "acceleration" else scores.frames
        row = (name, metric, joint, value, unit_of(metric, protocol), frames)
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def sentences(
    pair: Pair, protocol: Protocol, bodies: Sequence[str], truth_regressors: Sequence[str], frames: int
) -> list[str]:
    """The protocol in words: joints, frames, bodies, regressors, root and alignment.

    Args:
        pair: the two sides.
        protocol: the protocol.
        bodies: names of the bodies of predictions and truth; empty where none is read.
        truth_regressors: of the truth; empty where they are those of the predictions.
        frames: frames in the means.
    """
    name = f" {protocol.name}, {protocol.about}" if protocol.name else ""
    read = [
        f"{word} {_form(side, body)}"
        for word, side, body in zip(("predictions:", "truth:"), pair[:2], bodies, strict=True)
    ]
    text = [
        f"Protocol{name}: {protocol.joints_in_words}, mean over {frames} frame{'s' * (frames != 1)}.",
        f"Body: {'; '.join(read)}.",
        f"Regressor: {_regressor(pair, truth_regressors)}.",
    ]
    moved = [TITLES[metric] for metric in ("mpjpe", "pve", "acceleration") if metric in protocol.metrics]
    if "pck150" in protocol.metrics:
        moved = [f"MPJPE, PCK and AUC (0-150 mm by 5 mm; {BEST_AUC:.2f} % where no joint is off)"]
    text.append(f"{', '.join(moved)}: both sides moved to {protocol.root_in_words}.")
    text.append("PA-MPJPE: after the best similarity of each frame, on the same joints.")
    if "acceleration" in protocol.metrics:
        text.append(f"Acceleration: difference over three consecutive frames, {_step(pair, protocol)}.")
    if protocol.name:
        text += [
            f"The protocol's regressor: {_own(protocol.regressor)}.",
            f"The protocol's frames: {protocol.frames}. Counted are those of the truth.",
            f"Source: {protocol.source}.",
            *(f"Elsewhere: {sentence}." for sentence in protocol.elsewhere),
        ]
    return text


def _step(pair: Pair, protocol: Protocol) -> str:
    """The time from one frame of an acceleration to the next."""
    if not protocol.frame_rate:
        return "a frame squared"
    parts = consecutive(pair.times)
    apart = f", {1000 * parts[0][1] / protocol.frame_rate:.4g} ms apart" if parts else ""
    return f"at {protocol.frame_rate:g} Hz{apart}"


def _own(regressor: str) -> str:
    return "the matrix in the body model's file, on both sides" if regressor == OWN else regressor


def _form(side: Side, body: str) -> str:
    if side.kind == "joints":
        return "joints"
    if side.kind == "vertices":
        own = side.n_vertices if side.mesh_map is None else int(side.mesh_map.shape[1])
        mapped = "" if side.mesh_map is None else f", moved by a map to {mesh_name(side.n_vertices)}"
        return f"meshes of {mesh_name(own)}" + (f", body {body}" if body else "") + mapped
    return f"parameters posed with body {body}, {side.n_vertices} vertices"


def _regressor(pair: Pair, truth_regressors: Sequence[str]) -> str:
    """What reads the joints of each side."""
    meshes = [side.kind != "joints" for side in pair[:2]]
    if meshes == [False, False]:
        return "none, both sides are joints"
    if meshes == [True, False]:
        return "the one that each line names on the predictions; the truth is joints"
    truth = f"{', '.join(truth_regressors)} on the truth" if truth_regressors else ""
    if meshes == [False, True]:
        return f"{truth or 'the one that each line names on the truth'}; the predictions are joints"
    return (
        f"the one that each line names on the predictions, {truth}"
        if truth
        else "the one that each line names, on both sides"
    )


def score_text(
    scores: Scores,
    protocol: Protocol,
    words: Sequence[str],
    form: Form,
    *,
    per_joint: bool = False,
    about: Mapping[str, str] = MappingProxyType({}),
    digests: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The scores as a table, csv or json.

    Args:
        scores: from `evaluation.score_files.score`.
        protocol: the protocol.
        words: from `sentences`.
        form: `csv` is without the protocol in words.
        per_joint: give every joint that counts too.
        about: values of `ABOUT` for all rows.
        digests: regressor -> sha256.
    """
    if form == "table":
        return _table(scores, protocol, words, per_joint)
    more = {"protocol": protocol.name, "joint_set": protocol.joints_in_words} | dict(about)
    more |= {"root": protocol.root_in_words, "jointreg": __version__}
    rows = [
        row | dict.fromkeys(ABOUT, "") | more | {"regressor_sha256": digests.get(row["regressor"], "")}
        for row in score_rows(scores, protocol, per_joint=per_joint)
    ]
    if form == "json":
        return json.dumps({"protocol": list(words), "frames": scores.frames, "rows": rows}, indent=1)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, (*COLUMNS, *ABOUT), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().rstrip("\n")


def _table(scores: Scores, protocol: Protocol, words: Sequence[str], per_joint: bool) -> str:
    def heading(metric: str) -> str:
        return f"{TITLES[metric]} {unit_of(metric, protocol)}"

    columns = list(next(iter(scores.means.values())))
    lines = [("regressor", *map(heading, columns))]
    for name, means in scores.means.items():
        lines.append((name, *(f"{means[metric]:.2f}" for metric in columns)))
    text = [text_table(lines, "l" + "r" * len(columns), rule=True), ""]
    if per_joint:
        measured = list(next(iter(scores.joints.values())))
        known = protocol.joints.joints
        lines = [("regressor", "joint", *map(heading, measured))]
        for name, joints in scores.joints.items():
            for joint in protocol.counted:
                row = known.index(joint)
                lines.append((name, joint, *(f"{joints[metric][row]:.2f}" for metric in measured)))
        text += [text_table(lines, "ll" + "r" * len(measured), rule=True), ""]
    return "\n".join([*text, *words])
