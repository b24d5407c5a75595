"""The command line, `jointreg COMMAND`. Imports nothing heavy to show its help.

Exit status: 0 fine, 1 bad input (the error's text on stderr), 2 wrong usage.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from jointreg import __version__
from jointreg.errors import ConfigError, JointregError
from jointreg.exchange.formats import FORMATS
from jointreg.exchange.joint_sets import JOINT_SETS, JointSet, joint_set
from jointreg.files.output import require_other, require_picture
from jointreg.skeleton import H36M_17

NO_BODY = "none"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        The exit status; wrong usage leaves with status 2 by SystemExit, as argparse does.
    """
    arguments = _parser().parse_args(argv)
    status = 1
    try:
        status = int(arguments.run(arguments))
        sys.stdout.flush()
    except JointregError as error:
        print(f"jointreg {arguments.command}: {type(error).__name__}: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader has all it wants: `jointreg inspect FILE | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(
            f"jointreg {arguments.command}: {where}{error.strerror or error}\n"
            "  next:   check that the path may be read or written, and that there is space on its disk",
            file=sys.stderr,
        )
    return status


def _convert(arguments: argparse.Namespace) -> int:
    from jointreg.body.files import load_body
    from jointreg.exchange.named_rows import write_named_rows
    from jointreg.exchange.regressor_files import load_regressor, save_regressor
    from jointreg.files.atomic import sidecar_path

    require_other(arguments.output, [arguments.input, arguments.template])
    body = None if arguments.body == NO_BODY else load_body(arguments.body)
    joints, legs = _joints(arguments), arguments.input_legs
    regressor = load_regressor(arguments.input, body, legs=legs, joints=joints, note=_note)
    output, form, dtype = arguments.output, arguments.format, arguments.dtype
    if regressor.joint_names == H36M_17:
        legs, template = arguments.legs, arguments.template
        save_regressor(regressor, output, form, legs=legs, dtype=dtype, template=template)
    elif arguments.legs != "left" or arguments.template:
        raise ConfigError(f"--legs and --template are for Human3.6M's joints, not {arguments.joints}")
    else:
        matrix, names = regressor.weights, regressor.joint_names
        write_named_rows(output, matrix, names, regressor.about, format=form, dtype=dtype)
    sidecar = sidecar_path(output)
    print(f"wrote {output}" + (f" and {sidecar}" if sidecar.is_file() else ""))
    return 0


def _inspect(arguments: argparse.Namespace) -> int:
    from jointreg.body.files import load_body
    from jointreg.exchange.inspection import inspect, table
    from jointreg.exchange.regressor_files import load_regressor

    require_picture(arguments.picture)
    body, named = load_body(arguments.body), _joints(arguments)
    regressor = load_regressor(arguments.file, body, joints=named, note=_note)
    if named is None or regressor.joint_names == H36M_17:
        named = JOINT_SETS["h36m_17"]
    print(table(inspect(regressor, body, named)))
    if arguments.picture:
        from jointreg.figures.mesh import regressor_support

        weights = {Path(arguments.file).stem: regressor.weights}
        regressor_support(body.template, body.faces, weights).savefig(arguments.picture, dpi=150)
        print(f"\nwrote {arguments.picture}")
    return 0


def _identify(arguments: argparse.Namespace) -> int:
    from jointreg.exchange.identification import identify, origin, statement
    from jointreg.exchange.known import read_known
    from jointreg.exchange.matrix_files import read_matrix
    from jointreg.exchange.sidecar import read_sidecar

    known = read_known()
    for file in arguments.files:
        matrix, names = read_matrix(file, note=_note)
        sidecar = read_sidecar(Path(file), matrix, None, None)
        if sidecar is not None:
            names = sidecar["joint_names"]
        text = statement(identify(matrix, known), known, names) + origin(sidecar, known)
        print(text if len(arguments.files) == 1 else f"{file}\n{text}\n")
    return 0


def _fit(arguments: argparse.Namespace) -> int:
    from jointreg.exchange.meshes import read_mesh
    from jointreg.exchange.named_rows import row_format, write_named_rows
    from jointreg.files.atomic import replace_file, sidecar_path
    from jointreg.regressor.from_files import card, fit_files

    require_other(arguments.output, [*arguments.vertices, arguments.labels, arguments.mesh])
    require_picture(arguments.picture)
    row_format(Path(arguments.output))
    mesh = read_mesh(arguments.mesh) if arguments.mesh else None
    if arguments.picture and mesh is None:
        raise ConfigError("--picture draws on a mesh", "give --mesh")
    joints, most = _joints(arguments), arguments.max_vertices
    fitted = fit_files(arguments.vertices, arguments.labels, joints, mesh, most, _note)
    write_named_rows(arguments.output, fitted.weights, fitted.joint_names, fitted.about)
    text = card(Path(arguments.output).name, fitted)
    replace_file(f"{arguments.output}.md", text.encode())
    print(
        f"{text}\nwrote {arguments.output}, {sidecar_path(arguments.output)} and {arguments.output}.md"
    )
    if arguments.picture and mesh is not None:
        from jointreg.figures.mesh import regressor_support

        weights = {Path(arguments.output).stem: fitted.weights}
        regressor_support(mesh.vertices, mesh.faces, weights).savefig(arguments.picture, dpi=150)
        print(f"wrote {arguments.picture}")
    return 0


def _transfer(arguments: argparse.Namespace) -> int:
    from jointreg.exchange.meshes import read_mesh
    from jointreg.exchange.named_rows import read_named_rows, write_named_rows
    from jointreg.exchange.transfer import derivation, transfer, vertex_map_of
    from jointreg.files.atomic import sidecar_path

    require_other(arguments.output, [getattr(arguments, k) for k in ("input", "map", "source", "to")])
    rows = read_named_rows(arguments.input, _joints(arguments), note=_note)
    source, target = (path and read_mesh(path) for path in (arguments.source, arguments.to))
    vertex_map = vertex_map_of(rows, arguments.map, source, target, arguments.limit, _note)
    moved = transfer(rows.matrix, vertex_map, arguments.input)
    about = derivation(Path(arguments.input), rows.matrix, rows.about, vertex_map, target)
    write_named_rows(arguments.output, moved, rows.joints, about, format=arguments.format)
    if "mean_distance_mm" in vertex_map.about:
        mean, largest = (vertex_map.about[f"{key}_distance_mm"] for key in ("mean", "largest"))
        print(f"vertices that are read lie {mean} mm from the new mesh, at most {largest} mm")
    print(f"{len(moved)} rows: {rows.matrix.shape[1]} vertices to {moved.shape[1]}")
    print(f"wrote {arguments.output} and {sidecar_path(arguments.output)}")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from jointreg.body.files import load_body
    from jointreg.config.settings import Evaluate
    from jointreg.evaluation.score_files import score, score_text
    from jointreg.exchange.regressor_files import load_regressor

    body = load_body(arguments.body)
    regressors = {file: load_regressor(file, body, note=_note) for file in arguments.regressor}
    protocol = Evaluate(joints=arguments.joints, root=arguments.root, average="frames")
    files = arguments.predictions, arguments.labels
    means, frames = score(body, *files, regressors, protocol, track=arguments.track, note=_note)
    print(score_text(means, frames, protocol))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from jointreg.pipeline.doctor import examine, report

    checks = examine(arguments.body, arguments.config, arguments.slurm)
    print(report(checks))
    return 1 if any(check.passed is False for check in checks) else 0


def _note(sentence: str) -> None:
    print(f"note: {sentence}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jointreg",
        description="Joint regressors for SMPL-format bodies: convert, inspect, score with them.",
        epilog="Exit status: 0 fine, 1 bad input, 2 wrong usage. Formats: docs/exchange.md.",
    )
    parser.add_argument("--version", action="version", version=f"jointreg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_convert(commands)
    _add_inspect(commands)
    _add_identify(commands)
    _add_fit(commands)
    _add_transfer(commands)
    _add_evaluate(commands)
    _add_doctor(commands)
    return parser


def _add_convert(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    convert = _command(
        commands,
        "convert",
        _convert,
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
    _add_joints(convert)
    _add_body(convert, f"; `{NO_BODY}` skips all checks on a body")


def _add_inspect(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    inspect = _command(
        commands,
        "inspect",
        _inspect,
        "Print for every joint which vertices a regressor reads and where it puts the joint.",
        "jointreg inspect J_regressor_h36m.npy --body SMPL_NEUTRAL.npz --picture support.png",
    )
    inspect.add_argument("file", help="the regressor")
    inspect.add_argument(
        "--picture", metavar="FILE", help="draw its vertices on the mesh (png, svg, pdf)"
    )
    _add_joints(inspect)
    _add_body(inspect)


def _add_identify(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    identify = _command(
        commands,
        "identify",
        _identify,
        "Name the public matrix that each row of a regressor is from, in any order, scale or format.",
        "jointreg identify J_regressor.pt",
    )
    identify.add_argument("files", nargs="+", metavar="FILE", help="npy, npz, pt, pkl or txt")


def _add_fit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fit = _command(
        commands,
        "fit",
        _fit,
        "Fit a regressor of any mesh and joint set to posed vertices and labelled joints.",
        "jointreg fit walk.npy run.npy --labels joints.npz --output J.npz --joints coco_17",
    )
    fit.add_argument(
        "vertices", nargs="+", metavar="VERTICES", help="npy (read in parts) or npz: (frames, V, 3) in m"
    )
    fit.add_argument(
        "--labels", required=True, metavar="FILE", help="npz, npy (frames, J, 3) in m, or csv of them"
    )
    fit.add_argument("--output", required=True, metavar="FILE", help="npy, npz or pt")
    fit.add_argument(
        "--max-vertices", type=int, default=0, metavar="N", help="most of each joint (default: no limit)"
    )
    fit.add_argument("--mesh", help="obj, ply, npz or `open`: its faces identify the mesh")
    fit.add_argument("--picture", metavar="FILE", help="draw the vertices on --mesh (png, svg, pdf)")
    _add_joints(fit)


def _add_transfer(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    transfer = _command(
        commands,
        "transfer",
        _transfer,
        "Move a regressor to another mesh, by a published map or by two meshes in one pose.",
        "jointreg transfer J.npy J_mhr.npz --map mhr2smpl_mapping.npz --to mhr_face_mask.ply",
    )
    transfer.add_argument("input", help="the regressor: npy, npz, pt, pkl or txt")
    transfer.add_argument("output", help="file to write: npy, npz or pt")
    transfer.add_argument(
        "--map",
        metavar="FILE",
        help="vertices of the old mesh as sums of the new one's: a matrix, or faces and weights (MHR)",
    )
    transfer.add_argument(
        "--to", metavar="MESH", help="the new mesh: obj, ply, npz or `open`; with --map for its faces"
    )
    transfer.add_argument(
        "--from",
        dest="source",
        metavar="MESH",
        help="without --map: the regressor's mesh, in the shape, pose and place of --to, metres",
    )
    transfer.add_argument(
        "--limit", type=float, metavar="M", help="farthest distance of the two meshes (default: 0.02 m)"
    )
    transfer.add_argument("--format", choices=("npy", "npz", "pt"), help="unless the suffix names it")
    _add_joints(transfer)


def _add_evaluate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = _command(
        commands,
        "evaluate",
        _evaluate,
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
    _add_body(evaluate)


def _add_doctor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    doctor = _command(
        commands,
        "doctor",
        _doctor,
        "Check Python, packages, kernels, the body and the data of a run.",
        "jointreg doctor --config config/lab.yaml",
    )
    doctor.add_argument(
        "--config", nargs="+", default=[], metavar="FILE", help="configuration whose data to look for"
    )
    doctor.add_argument("--slurm", action="store_true", help="look for Slurm's commands as well")
    _add_body(doctor)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    purpose: str,
    example: str,
) -> argparse.ArgumentParser:
    """A command with its purpose and an example in its help."""
    command = commands.add_parser(name, help=purpose, description=purpose, epilog=f"example: {example}")
    command.set_defaults(run=run)
    return command


def _joints(arguments: argparse.Namespace) -> JointSet | None:
    """The joint set that the command was given, if any."""
    return joint_set(arguments.joints) if arguments.joints else None


def _add_joints(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--joints",
        metavar="SET",
        help=f"joint set of the rows: {', '.join(JOINT_SETS)}, or a table of your own",
    )


def _add_body(command: argparse.ArgumentParser, more: str = "") -> None:
    command.add_argument(
        "--body",
        default="open",
        help=f"body the regressor is for: `open` (default) or an SMPL-format npz or pkl{more}",
    )
