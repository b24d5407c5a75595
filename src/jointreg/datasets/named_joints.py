"""Labelled or predicted joints of any joint set: their order by name, and a size that people have."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jointreg.arrays import texts
from jointreg.config.joint_sets import JOINT_SETS
from jointreg.datasets.poses import require_no_origin
from jointreg.errors import DataError
from jointreg.plausible import BODY_M, to_metres
from jointreg.skeleton import H36M_17


def in_order(
    points: np.ndarray,
    where: str,
    joint_names: Any,
    names: tuple[str, ...],
    note: Callable[[str], None] = print,
    source: str = "--joints",
) -> np.ndarray:
    """Joints (N, K, 3) of a file in the order of `names`, (N, J, 3) float64.

    Args:
        points: of the file.
        where: names the file and its array.
        joint_names: of the joints in the file's order; None: they are `names`, in that order.
        names: the joints that are wanted.
        note: is told of another order, of joints that are left out, and of an order that is assumed.
        source: the option or setting that names the joint set.

    Raises:
        DataError: another shape or number of joints, names that repeat, a joint that is missing, or one
            at the origin in some rows.
    """
    require_joints(points, where, len(names) if joint_names is None else None, source)
    require_no_origin(points, where)
    if joint_names is None:
        note(f"{where}: joints are taken to be {names[0]}, {names[1]}, ... {names[-1]}, in that order")
        return points.astype(np.float64)
    order = texts(joint_names).ravel().tolist()
    if len(order) != points.shape[1] or len(set(order)) != len(order):
        twice = next((name for name in order if order.count(name) > 1), "")
        fault = f"contain {twice} twice" if twice else f"are {len(order)}"
        raise DataError(
            f"{where}: joint_names {fault}, expected {points.shape[1]} different names",
            "give joint_names the name of each joint, in their order",
        )
    missing = [name for name in names if name not in order]
    if missing:
        raise DataError(
            f"{where} has no joint {', '.join(missing):.200}; it has {', '.join(order):.200}",
            f"name the joint set of the file with {source}, or its joints as the set does",
        )
    if order != list(names):
        left_out = f"; {len(order) - len(names)} others are left out" if len(order) > len(names) else ""
        note(f"{where}: joints are reordered by their names{left_out}")
    return points[:, [order.index(name) for name in names]].astype(np.float64)


def require_joints(points: np.ndarray, where: str, count: int | None, source: str = "--joints") -> None:
    """Refuse an array that is not (N, `count`, 3); of any number of joints where `count` is None.

    Raises:
        DataError: with the step that leads from this shape to that one.
    """
    shape = points.shape
    if len(shape) == 3 and shape[2] == 3 and points.size and count in (None, shape[1]):
        return
    raise DataError(
        f"{where} has shape {shape}, expected (N, {count or 'joints'}, 3)", _cure(shape, count, source)
    )


def _cure(shape: tuple[int, ...], count: int | None, source: str) -> str:
    if len(shape) == 2 and shape[1] == 3:
        return "one frame is an array of one row: joints[None]"
    if len(shape) == 2 and count and shape[1] == 3 * count:
        return f"give each joint a row of its own: joints.reshape(-1, {count}, 3)"
    if len(shape) != 3:
        return "give one person's joints, a row for each frame"
    if 0 in shape:
        return "the file has no frame: write it again"
    if shape[2] == 2:
        return "give positions in space: these are positions in the picture"
    if shape[2] == 4:
        return "leave the fourth number, a confidence, out: joints[..., :3]"
    if shape[2] != 3 and shape[1] == 3:
        return "exchange the last two axes: joints.transpose(0, 2, 1)"
    if count and shape[1] > count:
        return f"add joint_names, by which the {count} are chosen; or give both files in one set"
    sets = [name for name, known in JOINT_SETS.items() if len(known.joints) == shape[1]]
    known_sets = f" ({', '.join(sets)})" if sets else ""
    pelvis = ""
    if (shape[1], count) == (14, len(H36M_17)):
        pelvis = ". `--joints 14` counts 14 of the 17, whose pelvis moves both sides"
    return f"name the set of both files with {source}{known_sets}, or give all {count}{pelvis}"


def require_size(joints: np.ndarray, where: str, word: str = "frame") -> None:
    """Refuse joints (N, J, 3) that do not extend as far as a person does, in metres.

    Raises:
        UnitError: the longest side of the box around the joints of a frame is none of a person.
    """
    extents = np.ptp(joints, axis=1).max(axis=1)
    BODY_M.require_each(
        extents,
        f"{where}: joints of {word} {{frame}} extend over {{length}} m",
        f"{to_metres(float(np.median(extents)))}; leave wrong frames out",
    )
