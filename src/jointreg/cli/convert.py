"""`jointreg convert`: a regressor in another format."""

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
from jointreg.errors import ConfigError
from jointreg.exchange.formats import FORMATS, format_of
from jointreg.files.output import require_other
from jointreg.skeleton import H36M_17


def add_convert(commands: Commands) -> None:
    """Add the command to `commands`."""
    convert = add_command(
        commands,
        "convert",
        _run,
        "Read a regressor in any format of the field, check it, write it in another.",
        "jointreg convert J_opt.npy h36m_joints_regressor.pt --legs right --body SMPL_NEUTRAL.npz",
    )
    convert.add_argument("input", help="npy, sparse npz, pt or SMPL_to_J19.pkl")
    convert.add_argument("output", help="file to write; its suffix names the format")
    convert.add_argument("--format", choices=FORMATS, help="format, if the suffix does not name it")
    convert.add_argument(
        "--legs", choices=("left", "right"), default="left", help="leg to write first (default: left)"
    )
    convert.add_argument(
        "--input-legs",
        choices=("left", "right"),
        help="leg that comes first in the input (default: by the side of the body that they lie on)",
    )
    convert.add_argument(
        "--dtype", choices=("float64", "float32"), help="default: float64, and float32 for pt"
    )
    convert.add_argument(
        "--template",
        metavar="SMPL_to_J19.pkl",
        help="for pkl: your own file, of which the rows other than Human3.6M's are copied",
    )
    add_joints(convert)
    add_body(convert, f"; `{NO_BODY}` skips all checks on a body")


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.body.files import load_body
    from jointreg.exchange.named_rows import write_named_rows
    from jointreg.exchange.regressor_files import load_regressor, save_regressor
    from jointreg.files.atomic import sidecar_path

    require_other(arguments.output, [arguments.input, arguments.template])
    body = None if arguments.body == NO_BODY else load_body(arguments.body)
    joints, legs = chosen_joints(arguments), arguments.input_legs
    regressor = load_regressor(arguments.input, body, legs=legs, joints=joints, note=note)
    output, form, dtype = arguments.output, arguments.format, arguments.dtype
    if regressor.joint_names == H36M_17:
        legs, template = arguments.legs, arguments.template
        save_regressor(regressor, output, form, legs=legs, dtype=dtype, template=template)
        order = "" if format_of(Path(output), form) == "pkl" else f", {legs} leg first"
    elif arguments.legs != "left" or arguments.template:
        raise ConfigError(f"--legs and --template are for Human3.6M's joints, not {arguments.joints}")
    else:
        matrix, names = regressor.weights, regressor.joint_names
        write_named_rows(output, matrix, names, regressor.about, format=form, dtype=dtype)
        order = ""
    sidecar = sidecar_path(output)
    print(f"wrote {output}" + (f" and {sidecar}" if sidecar.is_file() else "") + order)
    return 0
