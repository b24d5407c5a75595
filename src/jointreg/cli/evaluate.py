"""`jointreg evaluate`: the errors of predictions."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jointreg.cli.options import NO_BODY, Commands, add_body, add_command, note
from jointreg.config.methods import FROM_FILES
from jointreg.errors import ConfigError
from jointreg.evaluation.presets import OWN, PRESETS, Protocol, plain, preset, with_root

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from scipy.sparse import csr_array

HIGHEST_HZ = 1e5
"""Frame rate that no recording has."""


def add_evaluate(commands: Commands) -> None:
    """Add the command to `commands`."""
    evaluate = add_command(
        commands,
        "evaluate",
        _run,
        "Score predicted bodies, meshes or joints against a truth: MPJPE, PA-MPJPE, PVE, acceleration "
        "error, PCK@150 and AUC.",
        "jointreg evaluate Walking.npz labels.npz --regressor J_std.npy J_opt.npy --joints 14",
    )
    evaluate.add_argument("predictions", help="a file of docs/methods.md")
    evaluate.add_argument(
        "truth",
        help="npz with joints_cam (N, 17, 3) in metres, a store of prepare, a sequence file of 3DPW or "
        "EMDB, a sequence's folder of RICH, labels of BEDLAM, or bodies or meshes in a file of "
        "docs/methods.md",
    )
    evaluate.add_argument(
        "--protocol",
        metavar="NAME",
        choices=PRESETS,
        help=f"a published one, which gives joints, root and metrics: {', '.join(PRESETS)}",
    )
    evaluate.add_argument(
        "--regressor",
        nargs="+",
        default=[],
        metavar="FILE",
        help="one or more, compared in a table; `own` is the matrix in the body's file. None is needed "
        "where both sides are joints",
    )
    evaluate.add_argument(
        "--truth-regressor",
        metavar="FILE",
        help="for a truth of bodies or meshes (default: those of --regressor); `own` as there",
    )
    evaluate.add_argument(
        "--kind",
        choices=FROM_FILES,
        default="",
        help="what to read in the predictions (default: bodies, else vertices, else joints)",
    )
    evaluate.add_argument(
        "--track",
        default="",
        metavar="PERSON",
        help="person to score, where a tracker's file has several: the tool's number",
    )
    evaluate.add_argument(
        "--truth-track",
        default="",
        metavar="PERSON",
        help="the same in the truth; 3DPW: 0 or 1; BEDLAM: `sub`",
    )
    evaluate.add_argument(
        "--truth-camera", default="", metavar="FILE", help="calibration of the camera, xml of RICH"
    )
    for option, of in (("--map", "the predictions"), ("--truth-map", "the truth")):
        evaluate.add_argument(
            option,
            nargs="+",
            default=[],
            metavar="FILE",
            help=f"map from the meshes of {of} to those of the other side, as smplx2smpl of BEDLAM; "
            "after it the mesh by whose faces it is numbered, where it is MHR's",
        )
    evaluate.add_argument(
        "--joints",
        metavar="SET",
        help="joints in the mean: 17 (default), 14 (SPIN's), or a joint set of docs/exchange.md by its "
        "name or table",
    )
    evaluate.add_argument(
        "--root",
        metavar="JOINT",
        help="joint that both sides are moved to, or mid_hip (default: the joint set's or protocol's)",
    )
    evaluate.add_argument(
        "--frame-rate",
        type=float,
        metavar="HZ",
        help="frames a second, for an acceleration error in m/s2: of the recording where rows have "
        "frame numbers (0, 5, 10 of a 50 Hz video: 50), of the rows where they have none",
    )
    evaluate.add_argument("--format", choices=("table", "csv", "json"), default="table")
    evaluate.add_argument("--per-joint", action="store_true", help="the errors of every joint too")
    add_body(evaluate, f"; `{NO_BODY}` for meshes of a body that is not read")
    evaluate.add_argument(
        "--truth-body", metavar="FILE", help="the body of the truth (default: that of --body)"
    )


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.body.files import load_body
    from jointreg.config.joint_sets import joint_set
    from jointreg.evaluation.score_files import read_pair, score
    from jointreg.evaluation.score_text import score_text, sentences
    from jointreg.evaluation.sides import read_regressors

    protocol = _protocol(arguments)
    names = [arguments.body, arguments.truth_body or arguments.body]
    loaded = {name: None if name == NO_BODY else load_body(name) for name in dict.fromkeys(names)}
    body, truth_body = (loaded[name] for name in names)
    maps = _map(arguments.map), _map(arguments.truth_map)
    pair = read_pair(
        arguments.predictions,
        arguments.truth,
        protocol,
        body,
        truth_body,
        kind=arguments.kind,
        track=arguments.track,
        truth_track=arguments.truth_track,
        truth_body_file="" if names[1] == NO_BODY else names[1],
        truth_camera=arguments.truth_camera,
        maps=maps,
        note=note,
    )
    mapped = [one is not None for one in maps]
    if any(mapped):  # regressors are of the other side's mesh; of no body's, if both are moved
        body = truth_body = None if all(mapped) else truth_body if mapped[0] else body
    joints = [side.kind == "joints" for side in pair[:2]]
    wanted = arguments.regressor or ([OWN] if protocol.regressor == OWN else [])
    if all(joints) and wanted:
        note("both sides are joints, so that no regressor applies")
    if joints[1] and arguments.truth_regressor:
        note("the truth is joints, so that --truth-regressor does not apply")
    named = arguments.joints not in (None, "14", "17")
    rows = protocol.joints, joint_set(arguments.joints) if named else None, note
    of_truth = [] if joints[1] or not arguments.truth_regressor else [arguments.truth_regressor]
    regressors = {} if joints[0] else read_regressors(wanted, body, *rows)
    if joints[1]:
        truth_regressors = {}
    elif of_truth or joints[0]:
        truth_regressors = read_regressors(of_truth or wanted, truth_body, *rows)
    else:
        truth_regressors = regressors
    if protocol.name and not all(joints):
        used = [name for name, given in zip(names, joints, strict=True) if not given]
        _note_other_regressors(protocol, used, regressors | truth_regressors)
    scores = score(pair, regressors, truth_regressors, protocol, note)
    bodies = ["" if name == NO_BODY else name for name in names]
    words = sentences(pair, protocol, bodies, of_truth, scores.frames)
    paths = {name: arguments.body if name == OWN else name for name in wanted}
    about = {
        **{key: getattr(arguments, key) for key in ("predictions", "truth")},
        **dict(zip(("body", "truth_body"), bodies, strict=True)),
        "truth_regressor": ", ".join(of_truth),
        "truth_regressor_sha256": ", ".join(_digest(names[1] if n == OWN else n) for n in of_truth),
    }
    digests = {name: _digest(path) for name, path in paths.items()}
    form, joint = arguments.format, arguments.per_joint
    print(score_text(scores, protocol, words, form, per_joint=joint, about=about, digests=digests))
    return 0


def _digest(path: str) -> str:
    """sha256 of a file; the open body has none."""
    from jointreg.provenance import content_digest

    return content_digest(Path(path)) if Path(path).is_file() else ""


def _map(files: list[str]) -> "csr_array | None":
    """The map of `--map` or `--truth-map`; None where none is given."""
    from jointreg.exchange.vertex_maps import read_map_by

    if len(files) > 2:
        raise ConfigError(
            f"a map is given as {len(files)} files", "give the map, and the mesh by whose faces it is"
        )
    return read_map_by(*files) if files else None


def _protocol(arguments: argparse.Namespace) -> Protocol:
    """The protocol by name, or of a joint set, with what the command line changes."""
    base = preset(arguments.protocol) if arguments.protocol else plain(arguments.joints or "17")
    chosen = base
    if arguments.protocol and arguments.joints:
        other = plain(arguments.joints)
        chosen = replace(base, joints=other.joints, counted=other.counted, root=other.root)
    if arguments.root:
        chosen = with_root(chosen, arguments.root)
    if arguments.frame_rate is not None:
        if not 0 < arguments.frame_rate <= HIGHEST_HZ:
            raise ConfigError(
                f"--frame-rate is {arguments.frame_rate:g}, expected Hz above 0, {HIGHEST_HZ:g} at most",
                "give the frames a second of the recording, for example 30",
            )
        more = () if "acceleration" in chosen.metrics else ("acceleration",)
        chosen = replace(chosen, frame_rate=arguments.frame_rate, metrics=(*chosen.metrics, *more))
    then, now = (
        {
            "joints": one.joints_in_words,
            "root": one.root_in_words,
            "frame rate": f"{one.frame_rate:g} Hz",
        }
        for one in (base, chosen)
    )
    changed = [f"{key} is {now[key]} instead of {then[key]}" for key in now if now[key] != then[key]]
    if arguments.protocol and changed:
        note(f"not as in protocol {base.name}: {'; '.join(changed)}")
    return chosen


def _note_other_regressors(
    protocol: Protocol, bodies: list[str], regressors: "Mapping[str, np.ndarray]"
) -> None:
    """Say what keeps the numbers of a published protocol from those that are published."""
    from jointreg.exchange.identification import public_matrix
    from jointreg.exchange.known import read_known

    known, standard = read_known(), protocol.regressor.split(".npy")[0]  # its name, or `own`
    others = [
        name
        for name, weights in regressors.items()
        if (name if protocol.regressor == OWN else public_matrix(weights, known)) != standard
    ]
    fault = [f"regressor {name} is not {standard}" for name in others]
    fault += ["the body is `open`, not SMPL"] if "open" in bodies else []
    if fault:
        note(
            f"these numbers do not compare with published ones of protocol {protocol.name}: "
            + "; ".join(fault)
        )
