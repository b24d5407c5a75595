"""Checks of a person's 17 joints. Labels and predictions pass the same ones, on every path.

Joints are (N, 17, 3), metres, order `skeleton.H36M_17`, in any frame of reference unless a function says
otherwise. Errors name the first row that is wrong.
"""

from collections.abc import Callable, Sequence

import numpy as np

from jointreg.arrays import ends_from, lengths, texts
from jointreg.config.joint_sets import H36M, JointSet
from jointreg.datasets.facing import AHEAD_M, CLEAR, backward
from jointreg.errors import DataError, UnitError
from jointreg.plausible import CHILD_LEG_M, LEG_M, Bounds
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, PELVIS, rows

LEG_OF_A_ROW_M = Bounds(0.25, 2.0)
"""Length of a leg in a single row, where labels are noisy; `plausible.LEG_M` holds for the median."""
REACH_M = Bounds(0.0, 2.5)
"""Distance of a joint from the pelvis."""

CHILD_HEAD = 0.45
"""Neck to top of the head in lengths of a leg: more in children whose legs are that short, 0.25 to 0.4
in grown people. The smaller a child, the larger its head and the shorter its legs."""
CHILD_PROPORTIONS = 1.6
"""How much longer head, trunk and arms of an infant are, in lengths of a leg, than a grown person's."""

UPRIGHT_RAD = np.pi / 3
"""Median angle between predicted and labelled trunk beyond which the frames of reference differ."""
_FACING = ("nose", "left_knee", "right_knee")
"""Places that all have to point backward before labels of Human3.6M's joints are refused."""

PROPORTIONS: tuple[tuple[str, str, float, float], ...] = (
    ("pelvis", "{side}_hip", 0.0, 0.40),
    ("{side}_hip", "{side}_knee", 0.36, 0.64),
    ("{side}_knee", "{side}_ankle", 0.36, 0.64),
    ("pelvis", "neck", 0.25, 1.1),
    ("pelvis", "spine", 0.0, 0.75),
    ("spine", "neck", 0.0, 0.75),
    ("neck", "nose", 0.0, 0.5),
    ("neck", "head_top", 0.0, 0.7),
    ("neck", "{side}_shoulder", 0.03, 0.5),
    ("{side}_shoulder", "{side}_elbow", 0.12, 0.55),
    ("{side}_elbow", "{side}_wrist", 0.10, 0.55),
)
"""Two joints, and the least and largest median distance between them, in lengths of a leg."""
_PAIRS = tuple(
    dict.fromkeys(
        (one.format(side=side), other.format(side=side), low, high)
        for side in ("left", "right")
        for one, other, low, high in PROPORTIONS
    )
)

OTHER_ORDER = (
    "give the joints in the order of skeleton.H36M_17, or add joint_names; or name their set, as "
    "--joints coco_17"
)
"""The next step where the joints seem to stand in another order."""
ROWS_OF_A_PERSON = 250
"""Of more rows than twice this every second, third, ... shows the order of the joints."""
_FAR = 1e9
_APART_M = 0.05
"""Hips or shoulders that lie nearer together show no side."""


def missing_rows(joints: np.ndarray) -> np.ndarray:
    """Rows in which a joint is not a number, (N,) bool."""
    return ~np.isfinite(joints).all(axis=(1, 2))


def describe_missing(joints: np.ndarray, word: str = "row", names: tuple[str, ...] = H36M_17) -> str:
    """How many rows lack a joint, and the first one: frame 4, left_ankle is not a number (NaN)."""
    row, joint = np.argwhere(~np.isfinite(joints).all(axis=2))[0]
    how = "not a number (NaN)" if np.isnan(joints[row, joint]).any() else "infinite"
    return (
        f"{int(missing_rows(joints).sum())} of {len(joints)} {word}s lack a joint, "
        f"first {word} {row}, {names[joint]} is {how}"
    )


def require_finite(joints: np.ndarray, where: str, word: str = "row") -> None:
    """Refuse joints that are not numbers.

    Raises:
        DataError: names the first row and joint, and how many rows.
    """
    if not np.isfinite(joints).all():
        raise DataError(
            f"{where}: {describe_missing(joints, word)}", f"leave these {word}s out, or repair them"
        )


def require_no_origin(joints: np.ndarray, where: str, names: Sequence[str] | None = None) -> None:
    """Refuse (0, 0, 0) in some rows: no joint comes to lie there, and missing ones are often stored so.

    The root of joints that are relative to it lies there in every row.

    Args:
        joints: (N, J, 3), in any unit and frame; NaN where one is missing.
        where: names the file.
        names: of the joints, where they are known.

    Raises:
        DataError: names the first such joint, and how many rows.
    """
    origin = (joints == 0).all(axis=2)
    if not origin.any():
        return
    mixed = np.flatnonzero(origin.any(axis=0) & ~(origin | np.isnan(joints[..., 0])).all(axis=0))
    if len(mixed):
        joint, lost = mixed[0], np.flatnonzero(origin[:, mixed].any(axis=1))
        row = int(np.argmax(origin[:, joint]))
        raise DataError(
            f"{where}: {names[joint] if names else f'joint {joint}'} of row {row} is at (0, 0, 0), as "
            f"missing joints are often stored ({len(lost)} of {len(joints)} rows, {len(mixed)} joints)",
            "write NaN where a joint is missing: joints[(joints == 0).all(axis=2)] = np.nan",
        )


def require_metres(joints: np.ndarray, where: str, word: str = "row") -> None:
    """Refuse joints that are not in metres, all of them or those of a row.

    Rows that are not numbers are passed over; one at least is not.

    Raises:
        UnitError: the median length of a leg is implausible.
        DataError: that of a single row is, or a joint lies farther from the pelvis than `REACH_M`.
    """
    if not (np.nanmin(joints) >= -_FAR and np.nanmax(joints) <= _FAR):
        joints = np.clip(joints, -_FAR, _FAR)  # so that nothing below overflows
    legs, whole = _legs(joints), joints[~missing_rows(joints)]
    leg = float(np.median(_legs(whole)))
    child = _of_child(whole, leg)
    if not (child or LEG_M.hold(leg)):
        guess, cure = (
            "joints in another order or unit",
            "give joints in metres (divide millimetres by 1000)",
        )
        for factor, words, change in (
            (1000.0, "millimetres taken for metres", "divide millimetres by 1000"),
            (100.0, "centimetres taken for metres", "divide centimetres by 100"),
            (0.001, "metres taken for millimetres", "multiply by 1000"),
        ):
            if LEG_M.hold(leg / factor):
                guess, cure = words, f"give joints in metres ({change})"
        cure += ", in the order of skeleton.H36M_17"
        if CHILD_LEG_M.hold(leg):
            guess = "another unit or scale: neck to head_top is not as long as a child's"
            cure += "; an infant or a child has a larger head"
        raise UnitError(
            f"{where}: legs are {leg:.4g} m long (median), expected {LEG_M}: probably {guess}", cure
        )
    low, high = (bound * (leg / LEG_M.low if child else 1) for bound in LEG_OF_A_ROW_M)
    wrong = np.flatnonzero(((legs < low) | (legs > high)).any(axis=1))
    if len(wrong):
        raise DataError(
            f"{where}: a leg of {word} {wrong[0]} is {_farthest(legs[wrong[0]], leg):.4g} m long, "
            f"expected {Bounds(low, high)}; so are {len(wrong)} {word}s",
            f"repair these {word}s, or give their joints as NaN"
            if 2 * len(wrong) < len(joints)
            else OTHER_ORDER,
        )
    low, high = ends_from(joints, PELVIS)
    if max(high, -low) <= REACH_M.high / np.sqrt(3):
        return
    reach = lengths(joints - joints[:, [PELVIS]])
    far = np.argwhere(reach > REACH_M.high)
    if len(far):
        row, joint = far[0]
        raise DataError(
            f"{where}: {H36M_17[joint]} of {word} {row} lies {reach[row, joint]:.4g} m from the pelvis, "
            f"expected {REACH_M}",
            f"repair this {word}, or give its joints as NaN",
        )


def left_leg_first(
    joints: np.ndarray,
    where: str,
    names: np.ndarray | None = None,
    note: Callable[[str], None] = print,
) -> np.ndarray:
    """The joints in the order `H36M_17`, whatever leg comes first.

    Args:
        joints: (N, 17, 3); rows that are not numbers are passed over.
        where: names the file.
        names: names of the joints in the file's order; None: the side of the hips decides.
        note: is told where the right leg comes first.

    Raises:
        DataError: other names, hips and shoulders whose sides contradict each other, right arm first,
            or a joint at the origin in some rows.
    """
    require_no_origin(joints, where)
    if names is not None:
        order = tuple(texts(names).ravel().tolist())
        if sorted(order) != sorted(H36M_17):
            raise DataError(
                f"{where}: joint_names are {str(order)[:300]}, expected the 17 of skeleton.H36M_17",
                "name the joints as it does; jointreg evaluate reads other joint sets with --joints",
            )
        joints = joints[:, rows(H36M_17, order)]
        if legs_crossed(joints):
            raise DataError(
                f"{where}: by its joint_names the hips lie crossed to the shoulders",
                "joint_names have to be in the order of the joints in the file",
            )
        return joints
    if order_of_legs(joints, where) > -1 or _odd_pair(joints[~missing_rows(joints)]):
        return joints
    reordered = joints[:, rows(H36M_17, H36M_17_RIGHT_FIRST)]
    shares = backward(reordered[~missing_rows(joints)], H36M)
    if shares and min(shares.values()) > CLEAR:
        raise DataError(
            f"{where}: hips lie crossed to the shoulders, and {' and '.join(shares)} show that not the "
            "legs but the arms are exchanged",
            "exchange left and right shoulder, elbow and wrist, or add joint_names",
        )
    note(f"{where}: hips lie crossed to the shoulders: the right leg comes first, legs are reordered")
    return reordered


def legs_crossed(joints: np.ndarray) -> bool:
    """Whether the hips of most rows lie crossed to the shoulders: the other leg comes first."""
    return _like_shoulders(joints) <= 1 - CLEAR


def order_of_legs(joints: np.ndarray, where: str) -> int:
    """1 where the left leg comes first, -1 where the right one does, 0 where the sides do not show.

    Hips lie as the shoulders do, or crossed.

    Raises:
        DataError: the rows contradict each other.
    """
    share = _like_shoulders(joints)
    if np.isnan(share):
        return 0
    if 1 - CLEAR < share < CLEAR:
        raise DataError(
            f"{where}: hips lie as the shoulders do in {share:.0%} of the rows: the order of the joints "
            "does not show",
            "add joint_names, the names of skeleton.H36M_17 in the file's order",
        )
    return 1 if share >= CLEAR else -1


def require_person(joints: np.ndarray, where: str) -> None:
    """Refuse joints that are not a person's: another order, mirrored, or both sides exchanged.

    Raises:
        DataError: two joints lie at a distance that no body has, or knees bend backward and the nose
            is at the back of the head.
    """
    if odd := _odd_pair(joints):
        raise DataError(f"{where}: {odd}: another order", OTHER_ORDER)
    joints = joints[:: 1 + len(joints) // ROWS_OF_A_PERSON]
    leg = float(np.median(_legs(joints)))
    _require_facing(joints, where, AHEAD_M * min(leg / LEG_M.low, 1.0))


def _odd_pair(joints: np.ndarray) -> str:
    """Two joints that lie at a distance that no body has, metres; empty if there are none."""
    joints = joints[:: 1 + len(joints) // ROWS_OF_A_PERSON]
    leg = float(np.median(_legs(joints)))
    longer = CHILD_PROPORTIONS if _of_child(joints, leg) else 1.0
    first, second, _, _ = zip(*_PAIRS, strict=True)
    apart = np.median(lengths(joints[:, rows(first)] - joints[:, rows(second)]), axis=0)
    for (one, other, low, high), length in zip(_PAIRS, apart.tolist(), strict=True):
        if not low * leg <= length <= high * longer * leg:
            return (
                f"{one} and {other} lie {length:.3g} m apart (median), expected {low * leg:.2g} to "
                f"{high * longer * leg:.2g} m for legs of {leg:.2g} m"
            )
    return ""


def require_upright(trunk: np.ndarray, labelled: np.ndarray, where: str) -> None:
    """Refuse predictions in another frame of reference than the labels'.

    Args:
        trunk: predicted lower to upper end of the trunk, (N, 3).
        labelled: the same of the labels.
        where: names the file of the predictions.

    Raises:
        DataError: the median angle between the trunks is larger than `UPRIGHT_RAD`.
    """
    lengths = np.linalg.norm(trunk, axis=-1) * np.linalg.norm(labelled, axis=-1)
    cosine = (trunk * labelled).sum(-1) / np.maximum(lengths, 1e-12)
    angle = float(np.median(np.arccos(np.clip(cosine, -1, 1))))
    if not angle < UPRIGHT_RAD:
        raise DataError(
            f"{where}: the trunk points {np.degrees(angle):.0f} degrees (median) away from the labels', "
            "expected a few: poses in another frame of reference, rows of other frames, or 6D read in "
            "the other convention",
            "the global orientation is in the camera's frame: x right, y down, z forward",
        )


def faces_away(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Share of the rows whose left and right lie opposite to the labels'; left minus right, (N, 3)."""
    return float(((predicted * labels).sum(axis=-1) < 0).mean())


def require_same_sides(
    joints: np.ndarray, labels: np.ndarray, where: str, joint_set: JointSet = H36M
) -> None:
    """Refuse joints whose sides are exchanged against the labels', or that are mirrored.

    Args:
        joints: (N, J, 3).
        labels: (N, J, 3).
        where: names the file of the joints.
        joint_set: what both are.

    Raises:
        DataError: with left and right exchanged most joints lie much nearer to the labels.
    """
    target = labels - joint_set.root(labels)[:, None]
    given, exchanged = (
        np.linalg.norm(points - joint_set.root(points)[:, None] - target, axis=-1).mean(axis=1)
        for points in (joints, joints[:, joint_set.mirror])
    )
    if np.median(given) > 0.05 and (exchanged < 0.6 * given).mean() > CLEAR:
        raise DataError(
            f"{where}: joints lie {1000 * np.median(given):.0f} mm from the labels, and "
            f"{1000 * np.median(exchanged):.0f} mm with left and right of one of the two files "
            "exchanged",
            "exchange left and right of one file (its arms, if a note says that its hips lie crossed) "
            "or turn its mirrored axis round",
        )


def _require_facing(joints: np.ndarray, where: str, least: float) -> None:
    """Refuse nose and knees that point backward where they lie at least so far out of line, metres."""
    shares = backward(joints, H36M, least)
    if len(shares) == len(_FACING) and min(shares.values()) > CLEAR:
        raise DataError(
            f"{where}: the nose is at the back of the head and knees bend backward: left and right are "
            "exchanged throughout, or an axis is mirrored",
            "exchange left and right, or turn one axis of the joints round",
        )


def metre_by_legs(joints: np.ndarray) -> tuple[float, float]:
    """Factor to metres, 1 or 0.001, and the median length of a leg in the file's unit.

    The factor is 0 where the length is plausible in neither unit, in grown people and in children.
    """
    leg = float(np.median(_legs(joints)))
    for factor in (1.0, 0.001):
        if LEG_M.hold(factor * leg) or _of_child(joints, factor * leg):
            return factor, leg
    return 0.0, leg


def _of_child(joints: np.ndarray, leg: float) -> bool:
    """Whether legs (median, metres) are a small child's, and its head is as large against them."""
    if not CHILD_LEG_M.hold(leg) or LEG_M.hold(leg):
        return False
    head = joints[:, H36M_17.index("head_top")] - joints[:, H36M_17.index("neck")]
    return float(np.median(lengths(head)) / np.median(_legs(joints))) > CHILD_HEAD


def _legs(joints: np.ndarray) -> np.ndarray:
    """Length of left and right leg, (N, 2) metres."""
    hip, knee, ankle = (
        joints[:, rows([f"left_{part}", f"right_{part}"])] for part in ("hip", "knee", "ankle")
    )
    return lengths(hip - knee) + lengths(knee - ankle)


def _farthest(legs: np.ndarray, usual: float) -> float:
    """The one of two legs that differs most from the usual length, in ratio."""
    return float(legs[np.argmax(np.abs(np.log(np.maximum(legs, 1e-12) / usual)))])


def _across(joints: np.ndarray, part: str) -> np.ndarray:
    """Left minus right hip or shoulder, (N, 3)."""
    return joints[:, H36M_17.index(f"left_{part}")] - joints[:, H36M_17.index(f"right_{part}")]


def _like_shoulders(joints: np.ndarray) -> float:
    """Share of the rows in which hips lie as shoulders do; NaN where no row shows its sides."""
    with np.errstate(invalid="ignore"):  # infinity stands for a missing joint too
        hips, shoulders = _across(joints, "hip"), _across(joints, "shoulder")
    apart = np.minimum(np.linalg.norm(hips, axis=-1), np.linalg.norm(shoulders, axis=-1)) > _APART_M
    return float(((hips * shoulders).sum(axis=-1)[apart] > 0).mean()) if apart.any() else np.nan
