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
    add_joints(fit)


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.exchange.meshes import read_mesh
    from jointreg.exchange.named_rows import row_format, write_named_rows
    from jointreg.files.atomic import replace_file, sidecar_path
    from jointreg.regressor.from_files import card, fit_files

    require_other(arguments.output, [*arguments.vertices, arguments.labels, arguments.mesh])
    require_picture(arguments.picture)
    row_format(Path(arguments.output))
    mesh = read_mesh(arguments.mesh, note) if arguments.mesh else None
    if arguments.picture and mesh is None:
        raise ConfigError("--picture draws on a mesh", "give --mesh")
    joints, most = chosen_joints(arguments), arguments.max_vertices
    fitted = fit_files(arguments.vertices, arguments.labels, joints, mesh, most, note)
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
