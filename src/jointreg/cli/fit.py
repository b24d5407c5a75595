"""`jointreg fit`: a regressor of posed meshes and labelled joints."""

import argparse
from pathlib import Path

from jointreg.cli.options import Commands, add_command, add_joints, chosen_joints, note
from jointreg.errors import ConfigError
from jointreg.files.output import require_other, require_picture


def add_fit(commands: Commands) -> None:
    """Add the command to `commands`."""
    fit = add_command(
        commands,
        "fit",
        _run,
        "Fit a regressor of any mesh and joint set to posed vertices and labelled joints.",
        "jointreg fit walk.npy run.npy --labels joints.npz --output J.npz --joints coco_17",
    )
    fit.add_argument(
        "vertices",
        nargs="+",
        metavar="VERTICES",
        help="npy, npz, pt or zarr: (frames, V, 3) in m, read in parts; with --body its parameters",
    )
    fit.add_argument(
        "--labels",
        required=True,
        metavar="FILE",
        help="npz or npy (frames, J, 3), csv, trc or c3d",
    )
    fit.add_argument(
        "--body", metavar="BODY", help="poses parameters: `open` or an SMPL-format npz or pkl"
    )
    fit.add_argument("--output", required=True, metavar="FILE", help="npy, npz or pt")
    fit.add_argument(
        "--max-vertices", type=int, default=0, metavar="N", help="most of each joint (default: no limit)"
    )
    fit.add_argument(
        "--symmetric",
        action="store_true",
        help="treat left and right alike; --mesh must be at rest, sides along x",
    )
    fit.add_argument("--mesh", help="obj, ply, npz or `open`: its faces identify the mesh")
    fit.add_argument("--picture", metavar="FILE", help="draw the vertices on --mesh (png, svg, pdf)")
    fit.add_argument(
        "--people", type=int, default=0, metavar="N", help="people in the frames, for the card"
    )
    fit.add_argument(
        "--licence", default="", metavar="TEXT", help="licence of the meshes' body, for the card"
    )
    add_joints(fit)


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.body.files import load_body
    from jointreg.exchange.meshes import Mesh, read_mesh
    from jointreg.exchange.named_rows import row_format, write_named_rows
    from jointreg.files.atomic import replace_file, sidecar_path
    from jointreg.regressor.card import card
    from jointreg.regressor.from_files import fit_files

    require_other(
        arguments.output, [*arguments.vertices, arguments.labels, arguments.mesh, arguments.body]
    )
    require_picture(arguments.picture)
    row_format(Path(arguments.output))
    if arguments.body and arguments.mesh:
        raise ConfigError("--body and --mesh are given", "leave --mesh out: a body has its faces")
    body = load_body(arguments.body) if arguments.body else None
    mesh = read_mesh(arguments.mesh, note) if arguments.mesh else None
    if body is not None:
        mesh = Mesh(body.template, body.faces)
    if arguments.picture and mesh is None:
        raise ConfigError("--picture draws on a mesh", "give --mesh, or --body")
    joints, most = chosen_joints(arguments), arguments.max_vertices
    about = {key: getattr(arguments, key) for key in ("people", "licence", "symmetric")}
    fitted = fit_files(arguments.vertices, arguments.labels, joints, mesh, most, note, body, **about)
    write_named_rows(arguments.output, fitted.weights, fitted.joint_names, fitted.about)
    name = Path(arguments.output).name
    text = card(name, fitted.joint_names, fitted.weights.shape[1], fitted.about) or ""
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
