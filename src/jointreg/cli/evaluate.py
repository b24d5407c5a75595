"""`jointreg evaluate`: the errors of predicted bodies."""

import argparse

from jointreg.cli.options import Commands, add_body, add_command, note
from jointreg.skeleton import H36M_17


def add_evaluate(commands: Commands) -> None:
    """Add the command to `commands`."""
    evaluate = add_command(
        commands,
        "evaluate",
        _run,
        "Score predicted bodies against labelled joints: MPJPE, PA-MPJPE, PCK@150 and AUC.",
        "jointreg evaluate Walking.npz labels.npz --regressor J_std.npy J_opt.npy --joints 14",
    )
    evaluate.add_argument("predictions", help="bodies, in a file of docs/methods.md")
    evaluate.add_argument(
        "labels", help="npz with joints_cam (N, 17, 3) in metres, or a store of prepare"
    )
    evaluate.add_argument(
        "--regressor", nargs="+", required=True, metavar="FILE", help="one or more, compared in a table"
    )
    evaluate.add_argument(
        "--track",
        default="",
        metavar="PERSON",
        help="person to score, where a tracker's file has several: the tool's number",
    )
    evaluate.add_argument(
        "--joints", type=int, choices=(14, 17), default=17, help="joints in the mean (default: 17)"
    )
    evaluate.add_argument(
        "--root",
        choices=H36M_17,
        default="pelvis",
        metavar="JOINT",
        help="joint that both skeletons are moved to for MPJPE (default: pelvis)",
    )
    add_body(evaluate)


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.body.files import load_body
    from jointreg.config.settings import Evaluate
    from jointreg.evaluation.score_files import score, score_text
    from jointreg.exchange.regressor_files import load_regressor

    body = load_body(arguments.body)
    regressors = {file: load_regressor(file, body, note=note) for file in arguments.regressor}
    protocol = Evaluate(joints=arguments.joints, root=arguments.root, average="frames")
    files = arguments.predictions, arguments.labels
    means, frames = score(body, *files, regressors, protocol, track=arguments.track, note=note)
    print(score_text(means, frames, protocol))
    return 0
