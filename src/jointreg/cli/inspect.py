"""`jointreg inspect`: what a regressor reads, joint by joint."""

import argparse
from pathlib import Path

from jointreg.cli.options import (
    NO_BODY,
    Commands,
    add_body,
    add_command,
    add_joints,
    chosen_joints,
    note,
)
from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import ConfigError
from jointreg.files.output import require_picture
from jointreg.skeleton import H36M_17


def add_inspect(commands: Commands) -> None:
    """Add the command to `commands`."""
    inspect = add_command(
        commands,
        "inspect",
        _run,
        "Print the card of a regressor, and which vertices each joint reads and where it lies.",
        "jointreg inspect J_regressor_h36m.npy --body SMPL_NEUTRAL.npz --picture support.png",
    )
    inspect.add_argument("file", help="the regressor")
    inspect.add_argument(
        "--picture", metavar="FILE", help="draw its vertices on the mesh (png, svg, pdf)"
    )
    add_joints(inspect)
    add_body(inspect, f"; `{NO_BODY}` prints the card only")


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.body.files import load_body
    from jointreg.exchange.inspection import inspect, table
    from jointreg.exchange.named_rows import read_named_rows
    from jointreg.exchange.regressor_files import load_regressor
    from jointreg.files.atomic import sidecar_path
    from jointreg.regressor.card import card

    require_picture(arguments.picture)
    body = None if arguments.body == NO_BODY else load_body(arguments.body)
    named = chosen_joints(arguments)
    if sidecar_path(arguments.file).is_file():
        rows = read_named_rows(arguments.file, named, note)
        text = card(Path(arguments.file).name, rows.joints, rows.matrix.shape[1], rows.about)
        if text is not None:
            print(text)
            own = (known for known in JOINT_SETS.values() if known.joints == rows.joints)
            named = named or next(own, None)
            if body is None:
                return 0
            if named is None or rows.about["topology_hash"] != body.topology_hash:
                note(f"the table of places is for regressors of {arguments.body} and of a joint set")
                return 0
    if body is None:
        raise ConfigError(
            f"{arguments.file} has no card, and without a body there is nothing to measure it on",
            "give the body of its mesh with --body; `jointreg identify` needs none",
        )
    regressor = load_regressor(arguments.file, body, joints=named, note=note)
    if named is None or regressor.joint_names == H36M_17:
        named = JOINT_SETS["h36m_17"]
    print(table(inspect(regressor, body, named)))
    if arguments.picture:
        from jointreg.figures.mesh import regressor_support

        weights = {Path(arguments.file).stem: regressor.weights}
        regressor_support(body.template, body.faces, weights).savefig(arguments.picture, dpi=150)
        print(f"\nwrote {arguments.picture}")
    return 0
