"""The model that `keypoints` fits: labelled points, pose prior, joint limits and a first pose."""

from collections.abc import Sequence

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import H36M, JointSet
from jointreg.geometry import rotations as so3
from jointreg.skeleton import SMPL_24, rows

JOINT_WEIGHTS: dict[str, float] = {
    "pelvis": 0.5,
    "spine1": 0.2,
    "spine2": 0.2,
    "spine3": 0.2,
    "neck": 0.5,
    "nose": 0.1,
    "head_top": 0.1,
    "face": 0.1,
}
"""Weight of a label by its place, else 1. Labels of trunk and head lie apart from the joints."""

FIXED: tuple[str, ...] = ("left_ankle", "right_ankle", "left_foot", "right_foot")
FIXED += ("left_wrist", "right_wrist", "left_hand", "right_hand")
"""Joints without a label beyond them: their rotation stays the identity."""

TORSO = ("pelvis", "left_hip", "right_hip", "neck", "left_shoulder", "right_shoulder")
"""Places that show how the trunk stands; pelvis and neck may be without a label."""
CHAINS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
"""Places that show how the limbs of a side stand."""
NEEDED = tuple(f"{side}_{part}" for side in ("left", "right") for chain in CHAINS for part in chain)
"""Places that need a label."""

POSED: tuple[str, ...] = tuple(name for name in SMPL_24[1:] if name not in FIXED)
"""Joints whose rotation is fitted, beside the global orientation."""

# Axis-angle in SMPL's T-pose axes: x to the body's left, y up, z forward.
# Joint: (stiffness x y z, rest x y z). Knees flex about +x, the left elbow about -y, the right about +y.
_PRIOR: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "spine1": ((2, 2, 2), (0, 0, 0)),
    "spine2": ((2, 2, 2), (0, 0, 0)),
    "spine3": ((2, 2, 2), (0, 0, 0)),
    "neck": ((2, 2, 2), (0, 0, 0)),
    "head": ((4, 4, 4), (0, 0, 0)),
    "left_collar": ((5, 5, 5), (0, 0, 0)),
    "right_collar": ((5, 5, 5), (0, 0, 0)),
    "left_hip": ((0.5, 2, 1), (0, 0, 0)),
    "right_hip": ((0.5, 2, 1), (0, 0, 0)),
    "left_knee": ((0.3, 20, 20), (0.1, 0, 0)),
    "right_knee": ((0.3, 20, 20), (0.1, 0, 0)),
    "left_shoulder": ((1, 0.5, 0.5), (0, 0, -1.0)),
    "right_shoulder": ((1, 0.5, 0.5), (0, 0, 1.0)),
    "left_elbow": ((5, 0.3, 20), (0, -0.2, 0)),
    "right_elbow": ((5, 0.3, 20), (0, 0.2, 0)),
}
# Joint: (axis, lowest, highest) in radians; beyond it the stiffness is LIMIT_STIFFNESS.
_LIMITS: dict[str, tuple[int, float, float]] = {
    "left_knee": (0, 0.0, 2.6),
    "right_knee": (0, 0.0, 2.6),
    "left_elbow": (1, -2.6, 0.0),
    "right_elbow": (1, 0.0, 2.6),
    "left_hip": (1, -0.9, 0.9),
    "right_hip": (1, -0.9, 0.9),
}
LIMIT_STIFFNESS = 500.0
"""Stiffness beyond a joint limit, relative to the prior's."""


class FitModel:
    """The constants of a body that the fit needs, computed once."""

    def __init__(self, body: Body, joint_set: JointSet = H36M) -> None:
        self.body, self.joint_set = body, joint_set
        self.joint = np.array(joint_set.limbs)
        self.rest = body.rest_joints(np.zeros((1, body.n_betas)))[0].astype(float)
        self.directions = np.einsum("kv,vcb->kcb", body.joint_regressor, body.shape_directions).astype(
            float
        )
        self.offset = np.zeros((len(self.joint), 3))
        head = SMPL_24.index("head")
        skull = body.template[body.skinning_weights[:, head] > 0.5]
        on_the_head = {
            "nose": skull[skull[:, 2].argmax()],
            "head_top": skull[skull[:, 1].argmax()],
            "face": (skull.min(axis=0) + skull.max(axis=0)) / 2,
        }
        for row, place in enumerate(joint_set.places):
            if place in on_the_head:
                self.offset[row] = on_the_head[place] - self.rest[head]
        self.weight = np.array([JOINT_WEIGHTS.get(place, 1.0) for place in joint_set.places])
        self.posed = rows(POSED, SMPL_24)
        # moves[k, j]: rotating joint k moves label j
        above = np.eye(24, dtype=bool)
        for child in range(1, 24):
            above[:, child] |= above[:, body.parents[child]]
        moves = above[:, self.joint] & ~np.eye(24, dtype=bool)[:, self.joint]
        head_labels = np.any(self.offset != 0, axis=1)
        moves[:, head_labels] = above[:, self.joint][:, head_labels]
        self.moves = moves
        self.stiffness = np.array([_PRIOR[name][0] for name in POSED], dtype=float)
        self.mean = np.array([_PRIOR[name][1] for name in POSED], dtype=float)
        self.low, self.high = np.full((2, len(POSED), 3), np.inf) * np.array([-1, 1])[:, None, None]
        for name, (axis, low, high) in _LIMITS.items():
            self.low[POSED.index(name), axis] = low
            self.high[POSED.index(name), axis] = high

    def rows_at(self, places: Sequence[str]) -> np.ndarray:
        """Rows of the labels at these places of the body; places without a label are left out."""
        known = self.joint_set.places
        return np.array([known.index(place) for place in places if place in known], dtype=np.intp)


def full_rotations(root: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Rotations (N, 24, 3, 3) from the global one (N, 3, 3) and axis-angle (N, P, 3) of `POSED`."""
    rotations = np.tile(np.eye(3), (len(root), 24, 1, 1))
    rotations[:, 0] = root
    rotations[:, rows(POSED, SMPL_24)] = so3.from_axis_angle(pose)
    return rotations


def fitted_points(model: FitModel, glob: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The labelled points (N, J, 3) metres from the skeleton's global rotations and positions."""
    turned = np.einsum("njab,jb->nja", glob[:, model.joint], model.offset)
    return position[:, model.joint] + turned


def beyond_limits(model: FitModel, pose: np.ndarray) -> np.ndarray:
    """How far each angle lies beyond its limit, signed radians, (N, P, 3)."""
    return np.maximum(pose - model.high, 0) - np.maximum(model.low - pose, 0)


def initial_pose(model: FitModel, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Closed-form start: global orientation (N, 3, 3) and axis-angle pose (N, P, 3)."""
    torso = model.rows_at(TORSO)
    source = model.rest[model.joint[torso]]
    target = labels[:, torso]
    source, target = source - source.mean(0), target - target.mean(1, keepdims=True)
    left, _, right = np.linalg.svd(np.einsum("nja,jb->nab", target, source))
    sign = np.ones((len(labels), 3))
    sign[:, 2] = np.sign(np.linalg.det(left @ right))
    root = (left * sign[:, None]) @ right
    pose = np.zeros((len(labels), len(POSED), 3))
    for side in ("left", "right"):
        for upper, lower, end in CHAINS:
            names = [f"{side}_{name}" for name in (upper, lower, end)]
            chain = labels[:, model.rows_at(names)]
            bones = np.einsum("nba,ncb->nca", root, np.diff(chain, axis=1))  # in the torso's frame
            bones /= np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-9)
            joints = model.rest[rows(names, SMPL_24)]
            axis = np.zeros(3)
            hinge, low, high = _LIMITS[names[1]]
            axis[hinge] = np.sign(low + high)
            swing, flexion = _limb(joints[1] - joints[0], axis, bones)
            pose[:, POSED.index(names[0])] = so3.to_axis_angle(swing)
            pose[:, POSED.index(names[1])] = flexion[:, None] * axis
    return root, pose


def _limb(rest: np.ndarray, axis: np.ndarray, bones: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Swing of the upper bone without twist, and flexion of the lower one, from directions (N, 2, 3).

    If the upper bone points opposite to `rest`, it swings about `axis`. The fit finds the twist.
    """
    rest = rest / np.linalg.norm(rest)
    normal = np.cross(rest, bones[:, 0])
    sine, cosine = np.linalg.norm(normal, axis=-1), bones[:, 0] @ rest
    opposite = (sine < 1e-6) & (cosine < 0)
    normal = np.where(opposite[:, None], axis, normal / np.maximum(sine, 1e-9)[:, None])
    swing = so3.from_axis_angle(normal * np.arctan2(np.where(opposite, 0, sine), cosine)[:, None])
    flexion = np.arccos(np.clip((bones[:, 0] * bones[:, 1]).sum(-1), -1, 1))
    return swing, flexion
