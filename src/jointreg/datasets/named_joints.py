"""Labelled or predicted joints of any joint set: their order by name, and a size that people have."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jointreg.arrays import texts
from jointreg.datasets.poses import require_no_origin
from jointreg.errors import DataError
from jointreg.plausible import BODY_M, to_metres


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
    if points.ndim != 3 or points.shape[2] != 3 or not points.size:
        raise DataError(f"{where} has shape {points.shape}, expected (N, {len(names)}, 3)")
    require_no_origin(points, where)
    if joint_names is None:
        if points.shape[1] != len(names):
            raise DataError(
                f"{where} has {points.shape[1]} joints, expected {len(names)}: {', '.join(names):.300}",
                f"name their set with {source}, or add joint_names to the file",
            )
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
