"""`jointreg transfer`: a regressor for another mesh."""

import argparse
from pathlib import Path

from jointreg.cli.options import Commands, add_command, add_joints, chosen_joints, note
from jointreg.files.output import require_other


def add_transfer(commands: Commands) -> None:
    """Add the command to `commands`."""
    transfer = add_command(
        commands,
        "transfer",
        _run,
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
    add_joints(transfer)


def _run(arguments: argparse.Namespace) -> int:
    from jointreg.exchange.meshes import read_mesh
    from jointreg.exchange.named_rows import read_named_rows, write_named_rows
    from jointreg.exchange.placement import require_reach
    from jointreg.exchange.transfer import derivation, require_on_mesh, transfer, vertex_map_of
    from jointreg.files.atomic import sidecar_path

    require_other(arguments.output, [getattr(arguments, k) for k in ("input", "map", "source", "to")])
    joints = chosen_joints(arguments)
    rows = read_named_rows(arguments.input, joints, note=note)
    source, target = (path and read_mesh(path, note) for path in (arguments.source, arguments.to))
    vertex_map = vertex_map_of(rows, arguments.map, source, target, arguments.limit, note)
    moved = transfer(rows.matrix, vertex_map, arguments.input)
    if source is None and target is not None:
        require_on_mesh(moved, rows, target, arguments.input)
    mesh, matrix = (target, moved) if source is None else (source, rows.matrix)
    if joints is not None and mesh is not None and rows.joints == joints.joints:
        require_reach(matrix @ mesh.vertices, joints, mesh.vertices, arguments.input)
    about = derivation(Path(arguments.input), rows.matrix, rows.about, vertex_map, target)
    write_named_rows(arguments.output, moved, rows.joints, about, format=arguments.format)
    if "mean_distance_mm" in vertex_map.about:
        mean, largest = (vertex_map.about[f"{key}_distance_mm"] for key in ("mean", "largest"))
        print(f"vertices that are read lie {mean} mm from the new mesh, at most {largest} mm")
    print(f"{len(moved)} rows: {rows.matrix.shape[1]} vertices to {moved.shape[1]}")
    print(f"wrote {arguments.output} and {sidecar_path(arguments.output)}")
    return 0
