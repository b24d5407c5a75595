"""`jointreg inspect`: what a regressor reads, joint by joint."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    import numpy as np

    from jointreg.body.model import Body

BODY = "give the body of its mesh with --body"
"""The next step where there is nothing to draw on."""


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
    add_body(inspect, f"; `{NO_BODY}` prints what needs none")


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.body.files import load_body
    from jointreg.exchange.inspection import inspect, table
    from jointreg.exchange.named_rows import read_named_rows
    from jointreg.exchange.regressor import Regressor
    from jointreg.exchange.regressor_files import load_regressor
    from jointreg.files.atomic import sidecar_path
    from jointreg.regressor.card import card

    require_picture(arguments.picture)
    body = None if arguments.body == NO_BODY else load_body(arguments.body)
    if arguments.picture and body is None:
        raise ConfigError("--picture draws on a body, and --body is none", BODY)
    named = chosen_joints(arguments)
    if body is None or sidecar_path(arguments.file).is_file():
        rows = read_named_rows(arguments.file, named, note)
        text = card(Path(arguments.file).name, rows.joints, rows.matrix.shape[1], rows.about)
        if text is not None:
            print(text)
            own = (known for known in JOINT_SETS.values() if known.joints == rows.joints)
            named = named or next(own, None)
        if body is None:
            if text is None:
                print(table(inspect(Regressor(rows.matrix, rows.joints), None)))
            return 0
        other = rows.about.get("topology_hash") != body.topology_hash
        if text is not None and (named is None or other):
            note(f"the table of places is for regressors of {arguments.body} and of a joint set")
            if arguments.picture and other:
                raise ConfigError(f"{arguments.file} is not of the mesh of {arguments.body}", BODY)
            _draw(arguments, body, rows.matrix)
            return 0
    regressor = load_regressor(arguments.file, body, joints=named, note=note)
    if named is None or regressor.joint_names == H36M_17:
        named = JOINT_SETS["h36m_17"]
    print(table(inspect(regressor, body, named)))
    _draw(arguments, body, regressor.weights)
    return 0


def _draw(arguments: argparse.Namespace, body: "Body", weights: "np.ndarray") -> None:
    if arguments.picture:
        from jointreg.figures.mesh import regressor_support

        named = {Path(arguments.file).stem: weights}
        regressor_support(body.template, body.faces, named).savefig(arguments.picture, dpi=150)
        print(f"\nwrote {arguments.picture}")
