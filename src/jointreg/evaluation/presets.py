"""Protocols of published evaluations: joints, root, regressor, metrics and frames, with their sources.

They are data: assets/protocols.toml. A protocol of the command line is one of them, or a joint set and a
root.
"""

import tomllib
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np

from jointreg.config.joint_sets import JOINT_SETS, JointSet, joint_set
from jointreg.errors import ConfigError
from jointreg.skeleton import H36M_14, H36M_17, rows

MID_HIP = "mid_hip"
"""Name of the root in the middle of the hips."""
HIPS = ("left_hip", "right_hip")
OWN = "own"
"""In place of a regressor's file: the matrix of SMPL's skeleton in the file of the body model."""

METRICS = ("mpjpe", "pa_mpjpe", "pck150", "auc")
"""Metrics where no protocol is named, and of a run's tables. The first two are in mm, the others in
percent of the joints."""


@dataclass(frozen=True)
class Protocol:
    """What is compared, and how."""

    joints: JointSet
    """Of the rows of regressors and of joints."""
    counted: tuple[str, ...]
    """Joints in the means."""
    root: tuple[str, ...]
    """Joints whose mean both sides are moved to."""
    metrics: tuple[str, ...] = METRICS
    frame_rate: float = 0.0
    """Hz; 0: not known, accelerations are a frame squared."""
    regressor: str = ""
    """What reads the joints, in words; `OWN` where a body model's own matrix does."""
    name: str = ""
    about: str = ""
    frames: str = ""
    source: str = ""
    elsewhere: tuple[str, ...] = ()

    @property
    def counted_rows(self) -> np.ndarray:
        """Rows of the joint set over which means run."""
        return rows(self.counted, self.joints.joints)

    @property
    def root_rows(self) -> np.ndarray:
        """Rows of the joint set whose mean is the root."""
        return rows(self.root, self.joints.joints)

    @property
    def joints_in_words(self) -> str:
        """The joints that count, in words."""
        known, count = self.joints.joints, len(self.counted)
        if known == H36M_17 and sorted(self.counted) == sorted(H36M_14):
            return "14 joints (SPIN's set)"
        if known == H36M_17 and count == len(H36M_17):
            return f"17 joints ({'the pelvis counts' if self.root == ('pelvis',) else 'Human3.6M'})"
        return f"{count} joints ({self.joints.title})"

    @property
    def root_in_words(self) -> str:
        """The root, in words."""
        return self.root[0] if len(self.root) == 1 else f"the middle of {' and '.join(self.root)}"


def plain(joints: str = "17") -> Protocol:
    """A joint set, its own root, and the usual metrics.

    Args:
        joints: 17, or 14 for SPIN's; or a joint set by its name, or the path of its table.

    Raises:
        ConfigError: no such set.
    """
    if joints in ("14", "17"):
        counted = H36M_14 if joints == "14" else H36M_17
        return Protocol(JOINT_SETS["h36m_17"], counted, ("pelvis",))
    chosen = joint_set(joints)
    if sorted(chosen.joints) == sorted(H36M_17):  # every reader brings them to one order
        chosen = JOINT_SETS["h36m_17"]
    return Protocol(chosen, chosen.joints, tuple(chosen.joints[row] for row in chosen.roots))


def with_root(protocol: Protocol, root: str) -> Protocol:
    """The protocol with another root: a joint of its set, or `mid_hip`.

    Raises:
        ConfigError: the set has no such joint.
    """
    names = HIPS if root == MID_HIP else (root,)
    missing = [name for name in names if name not in protocol.joints.joints]
    if missing:
        raise ConfigError(
            f"root is '{root:.80}', but {protocol.joints.title} have no joint {', '.join(missing):.80}",
            f"choose one of {', '.join(protocol.joints.joints)}"
            + (f", or {MID_HIP}" if set(HIPS) <= set(protocol.joints.joints) else ""),
        )
    return replace(protocol, root=names)


def preset(name: str) -> Protocol:
    """A published protocol.

    Raises:
        ConfigError: none has that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"protocol '{name:.80}' is not known", f"known are {', '.join(PRESETS)}")
    return PRESETS[name]


_COUNTED = {14: H36M_14}
"""Number in protocols.toml -> joints of Human3.6M's that are in the means."""


def _read() -> dict[str, Protocol]:
    text = files("jointreg").joinpath("evaluation/assets/protocols.toml").read_text(encoding="utf-8")
    presets = {}
    for name, table in tomllib.loads(text).items():
        joints = JOINT_SETS[table.pop("joints")]
        table = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
        table["counted"] = _COUNTED[table["counted"]] if "counted" in table else joints.joints
        presets[name] = Protocol(joints, name=name, **table)
    return presets


PRESETS = _read()
"""Name -> protocol."""
