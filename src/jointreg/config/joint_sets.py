"""Joint sets: what the rows of a regressor or label file are, in their order.

A set is a small table: names, the joint on the other side of each, the place on the body where it lies,
and the root. Those of the field are in assets/joint_sets.tsv; a table of one's own has the same columns.

Sources: the row orders that the files' own repositories document; mhr_70 from sam-3d-body's metadata.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.config.tsv import rows as table_rows
from jointreg.errors import ConfigError
from jointreg.files.input import is_given
from jointreg.skeleton import H36M_17, LIMBS, SMPL_24, SMPL_PARENTS

TABLE = Path(__file__).parent / "assets" / "joint_sets.tsv"
COLUMNS = ("set", "joint", "mirror", "place", "root")
ON_THE_HEAD = ("nose", "head_top", "face")
"""Places that are no joint of SMPL's skeleton. `face` (eyes, ears, jaw) is the middle of the skull."""

OTHER_POINTS = (
    "these are other points than Human3.6M's 17: use J_regressor_h36m.npy, fit one, or read them as "
    "their own set with --joints (docs/exchange.md)"
)
"""The next step for a file of most of the sets where Human3.6M's joints are expected."""

TITLES = {
    "h36m_17": "Human3.6M's 17 joints, left leg first",
    "h36m_17_right_first": "Human3.6M's 17 joints, right leg first",
    "lsp_14": "the 14 joints of LSP and 3DPW",
    "coco_17": "COCO's 17 joints",
    "smpl_24": "SMPL's own skeleton of 24 joints",
    "spin_extra_9": "the 9 joints of SPIN's J_regressor_extra.npy",
    "graphcmr_extra_14": "the 14 joints of GraphCMR's J_regressor_extra.npy",
    "mpii_16": "MPII's 16 joints",
    "openpose_18": "OpenPose's 18 joints (COCO)",
    "openpose_25": "OpenPose's 25 joints (BODY_25)",
    "cocoplus_19": "the 19 joints of cocoplus_regressor.npy",
    "j19": "the 19 joints of SMPL_to_J19.pkl",
    "halpe_26": "Halpe's 26 joints",
    "mhr_70": "the 70 keypoints of SAM 3D Body (MHR)",
}
CURES = {
    "lsp_14": "pelvis, spine and nose are missing: use J_regressor_h36m.npy, which has all 17 rows",
    "j19": "give the file its own suffix, pkl: its 17 rows of Human3.6M's joints are read from that",
}
"""The next step for a file of this set where Human3.6M's joints are expected, if not `OTHER_POINTS`."""


@dataclass(frozen=True)
class JointSet:
    """Joints in the order of a file's rows."""

    name: str
    joints: tuple[str, ...]
    mirror: tuple[int, ...]
    """Row of the joint on the other side; a joint in the middle has its own."""
    places: tuple[str, ...]
    """Where each lies on the body: one of `SMPL_24` or `ON_THE_HEAD`."""
    roots: tuple[int, ...]
    """Rows of the joints whose mean is the root."""

    @property
    def title(self) -> str:
        """What the set is, in words."""
        return TITLES.get(self.name, f"the {len(self.joints)} joints of {self.name}")

    @property
    def cure(self) -> str:
        """The next step where Human3.6M's 17 joints were expected."""
        return CURES.get(self.name, OTHER_POINTS)

    @property
    def limbs(self) -> tuple[int, ...]:
        """Row of `SMPL_24` whose bone each joint moves with."""
        return tuple(SMPL_24.index("head" if at in ON_THE_HEAD else at) for at in self.places)

    @property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joints that are drawn as a line: each with the next one towards the root."""
        if self.joints == H36M_17:
            return tuple((H36M_17.index(one), H36M_17.index(other)) for one, other in LIMBS)
        pairs = []
        for row, place in enumerate(self.places):
            at = SMPL_24.index("head") if place in ON_THE_HEAD else SMPL_PARENTS[SMPL_24.index(place)]
            while at >= 0 and SMPL_24[at] not in self.places:
                at = SMPL_PARENTS[at]
            if at >= 0:
                pairs.append((self.places.index(SMPL_24[at]), row))
            elif self.mirror[row] > row:
                pairs.append((row, self.mirror[row]))
        return tuple(pairs)

    def trunk(self, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end of the trunk, (..., J, D) -> (..., D) each.

        They are the pelvis and the neck, else the middle of the hips and that of the shoulders.

        Raises:
            ConfigError: the set has neither.
        """
        ends = []
        for middle, part in (("pelvis", "hip"), ("neck", "shoulder")):
            wanted = {middle} if middle in self.places else {f"left_{part}", f"right_{part}"}
            if not wanted <= set(self.places):
                raise ConfigError(
                    f"{self.title} have no joint at the {middle}, and none at both {part}s",
                    "the trunk shows how a person stands: label its ends too",
                )
            ends.append(joints[..., [self.places.index(place) for place in sorted(wanted)], :].mean(-2))
        return ends[0], ends[1]

    def as_facts(self) -> dict[str, Any]:
        """The set as plain values, for the facts of a store and the sidecar of a regressor."""
        return asdict(self)

    def root(self, joints: np.ndarray) -> np.ndarray:
        """The root of skeletons, (..., J, 3) -> (..., 3)."""
        return joints[..., self.roots, :].mean(axis=-2)


def read_joint_sets(path: str | Path) -> dict[str, JointSet]:
    """The sets in a table.

    Args:
        path: columns set, joint, mirror, place, root, separated by tabs.

    Returns:
        Name -> set, in the order of the file.

    Raises:
        ConfigError: no such table, a joint twice in a set, a mirror that is not mutual, an unknown
            place, one on the wrong side, or a set without a root.
    """
    tables: dict[str, list[dict[str, str]]] = {}
    for where, cells in table_rows(path, COLUMNS):
        if cells["place"] not in (*SMPL_24, *ON_THE_HEAD):
            raise ConfigError(
                f"{where}: place is '{cells['place']:.80}', expected a joint of SMPL's skeleton, "
                f"{', '.join(ON_THE_HEAD)}",
                f"the joints are: {', '.join(SMPL_24)}",
            )
        if cells["root"] not in ("yes", "-"):
            raise ConfigError(
                f"{where}: root is '{cells['root']:.80}', expected 'yes' or '-'",
                "write yes for the joint that skeletons are moved to, - for the others",
            )
        tables.setdefault(cells["set"], []).append(cells)
    if not tables:
        raise ConfigError(f"{path} has no rows", "give one row for each joint")
    return {name: _joint_set(name, table, f"{path}: set {name}") for name, table in tables.items()}


_SIDES = "give a joint and its mirror places that are each other's mirror, on the sides of their names"


def _joint_set(name: str, table: Sequence[dict[str, str]], where: str) -> JointSet:
    joints = tuple(row["joint"] for row in table)
    twice = [joint for joint in joints if joints.count(joint) > 1]
    if twice or "" in joints:
        raise ConfigError(
            f"{where} contains joint '{(twice or [''])[0]}' twice, or without a name",
            "give every joint a name of its own",
        )
    mirror = []
    for row in table:
        other = row["mirror"]
        if other not in joints or table[joints.index(other)]["mirror"] != row["joint"]:
            raise ConfigError(
                f"{where}: the mirror of {row['joint']} is '{other:.80}', whose mirror is not "
                f"{row['joint']}",
                "name the joint on the other side in both rows; a joint in the middle names itself",
            )
        mirror.append(joints.index(other))
    for row, reflected in zip(table, mirror, strict=True):
        _require_side(row["joint"], row["place"], table[reflected]["place"], where)
    roots = tuple(k for k, row in enumerate(table) if row["root"] == "yes")
    if not roots:
        raise ConfigError(
            f"{where} has no root",
            "write 'yes' in column root of the pelvis, or of both hips, whose middle is then the root",
        )
    return JointSet(name, joints, tuple(mirror), tuple(row["place"] for row in table), roots)


def _require_side(joint: str, place: str, place_of_mirror: str, where: str) -> None:
    """Refuse a place on the other side than the joint's name says, or than its mirror allows."""
    other_side = {"left": "right", "right": "left"}
    for side, other in other_side.items():
        if side in joint.lower() and other not in joint.lower() and place.startswith(other):
            raise ConfigError(f"{where}: the place of {joint} is {place}, on the {other}", _SIDES)
    side, _, part = place.partition("_")
    expected = f"{other_side[side]}_{part}" if side in other_side else place
    if place_of_mirror != expected:
        raise ConfigError(
            f"{where}: the place of {joint} is {place}, that of its mirror {place_of_mirror}, expected "
            f"{expected}",
            _SIDES,
        )


def joint_set(name: str) -> JointSet:
    """A set of the field by its name, or the one set in a table of one's own by the table's path.

    Raises:
        ConfigError: neither, or a table with several sets.
    """
    if name in JOINT_SETS:
        return JOINT_SETS[name]
    if not is_given(Path(name)):
        raise ConfigError(
            f"joint set '{name}' is neither known nor a file",
            f"known sets are {', '.join(JOINT_SETS)}; for others give a table with the columns "
            f"{', '.join(COLUMNS)} (docs/exchange.md)",
        )
    sets = list(read_joint_sets(name).values())
    if len(sets) > 1:
        raise ConfigError(
            f"{name} contains {len(sets)} joint sets, expected one", "give each a table of its own"
        )
    return sets[0]


JOINT_SETS = read_joint_sets(TABLE)
"""The sets of the field."""

H36M = JOINT_SETS["h36m_17"]
"""The paper's."""


def joint_set_of(facts: Mapping[str, Any]) -> JointSet:
    """The joint set that a store or sidecar describes (`JointSet.as_facts`); Human3.6M's without one."""
    if "joint_set" not in facts:
        return H36M
    table = facts["joint_set"]
    lists = (tuple(table[key]) for key in ("joints", "mirror", "places", "roots"))
    return JointSet(table["name"], *lists)


SMPL_TO_J19 = JOINT_SETS["j19"].joints
"""Rows of `SMPL_to_J19.pkl` (4D-Humans, ProHMR, HSMR): Human3.6M's 17, LSP's head top, MPII's thorax."""

OTHER_SETS = tuple(known for name, known in JOINT_SETS.items() if not name.startswith("h36m_17"))
"""The sets that are not Human3.6M's 17."""
