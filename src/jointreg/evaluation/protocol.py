"""The protocol: which joints count, which one is the root, and the sentence in every caption."""

from collections.abc import Sequence

import numpy as np

from jointreg.config.joint_sets import H36M, JointSet
from jointreg.config.settings import Evaluate
from jointreg.errors import ConfigError
from jointreg.evaluation.intervals import FEWEST_CLUSTERS
from jointreg.evaluation.presets import HIPS, MID_HIP
from jointreg.skeleton import H36M_14, H36M_17, rows


def protocol_joints(protocol: Evaluate, joint_set: JointSet = H36M) -> np.ndarray:
    """Rows of the labels' joint set over which the protocol's means run, (K,).

    Raises:
        ConfigError: the set lacks one of these joints.
    """
    counted = {14: H36M_14, 17: H36M_17, "all": joint_set.joints}[protocol.joints]
    missing = [name for name in counted if name not in joint_set.joints]
    if missing:
        raise ConfigError(
            f"evaluate.joints is {protocol.joints}, but {joint_set.title} lack {', '.join(missing)}",
            "set evaluate.joints: all, and evaluate.root to a joint of the set or mid_hip",
        )
    return rows(counted, joint_set.joints)


def joints_in_words(protocol: Evaluate, joint_set: JointSet = H36M) -> str:
    """The protocol's joints in the words of captions."""
    if joint_set != H36M and protocol.joints == "all":
        return f"{len(joint_set.joints)} joints ({joint_set.title})"
    return "14 joints (SPIN's set)" if protocol.joints == 14 else "17 joints (the pelvis counts)"


def protocol_root(protocol: Evaluate, joint_set: JointSet = H36M) -> np.ndarray:
    """Rows of the labels' joint set whose mean MPJPE moves both skeletons to.

    Raises:
        ConfigError: the set has no joint of that name.
    """
    names = HIPS if protocol.root == MID_HIP else (protocol.root,)
    if not set(names) <= set(joint_set.joints):
        raise ConfigError(
            f"evaluate.root is '{protocol.root}', expected one of {', '.join(joint_set.joints)}"
            + (f", {MID_HIP}" if set(HIPS) <= set(joint_set.joints) else ""),
            "use pelvis, as the paper does, where the set has it",
        )
    return rows(names, joint_set.joints)


def protocol_sentence(
    protocol: Evaluate,
    *,
    subjects: Sequence[str],
    cameras: Sequence[str],
    frame_step: int,
    skip_damaged: bool,
    simulated: bool,
    fitted: bool = False,
    networks: str = "",
    given: bool = False,
    damaged: str = "",
    kept_only: bool = False,
    labels: str = "",
    body: str = "",
    joint_set: JointSet = H36M,
) -> str:
    """The protocol in words, for captions.

    Args:
        protocol: joints, root and mean.
        subjects: subjects in the means.
        cameras: cameras in the means.
        frame_step: n where every n-th video frame was used.
        skip_damaged: sequences of the table of damaged ones were left out.
        simulated: some methods are simulated estimators.
        fitted: some methods were fitted to the labels that they are scored with.
        networks: the input of the networks among the methods, in words.
        given: some methods deliver joints and no bodies.
        damaged: the table of damaged sequences.
        kept_only: the data set holds some frames only (h36m-fetch).
        labels: the origin of the labels, where it is not motion capture.
        body: the body model from whose mesh the regressors read joints.
        joint_set: what the labels are.
    """
    step = {1: "every frame", 2: "every 2nd frame", 3: "every 3rd frame"}.get(
        frame_step, f"every {frame_step}th frame"
    )
    if kept_only and frame_step == 1:
        step = "all frames that h36m-fetch kept"
    left_out = f"left out ({damaged})" if damaged else "left out"
    mean = {"frames": "mean over frames", "actions": "mean over the means of the actions"}
    root = "middle of the hips" if protocol.root == MID_HIP else protocol.root.replace("_", " ")
    read = f", read by the named regressor from the mesh of body {body}" if body else ""
    sentences = [
        f"Protocol: {joints_in_words(protocol, joint_set)}{read}; MPJPE after moving both "
        f"skeletons to the {root}, PA-MPJPE after the best similarity of each frame on the "
        f"same joints; {_plural('subject', subjects)}; {_plural('camera', cameras)}; {step}; "
        f"damaged sequences {left_out if skip_damaged else 'included'}; {mean[protocol.average]}.",
        "Changes between regressors are paired over clusters (subject x action x take, all cameras "
        "together) with 95 % t intervals on cluster means, widened where differences are skewed, "
        f"none under {FEWEST_CLUSTERS} clusters; they are conditional on "
        f"{'this subject' if len(subjects) == 1 else f'these {len(subjects)} subjects'}.",
        "An error can fall because the old regressor was wrong, or because a refitted regressor absorbs "
        "the estimators' bias. MPJPE alone does not distinguish the two.",
    ]
    if simulated:
        sentences.append(
            "Methods called sim_* are simulated estimators, not the networks: how far their error "
            "falls from J_std to J_opt is a property of the generator of this data set."
        )
    if fitted:
        sentences.append(
            "The bodies were themselves fitted to the labels that score them, and J_spin to the same "
            "bodies: these numbers favour J_spin and do not show which regressor or method is better."
        )
    if networks:
        sentences.append(networks)
    if given:
        sentences.append(
            "Methods under `joints as given` deliver joints and no bodies: no regressor applies to "
            "them, and their errors do not depend on J_std, J_spin or J_opt."
        )
    if labels:
        sentences.append(f"Labels: {' '.join(labels.split())}")
    return " ".join(sentences)


def _plural(noun: str, names: Sequence[str]) -> str:
    return f"{noun}{'' if len(names) == 1 else 's'} {', '.join(names)}"
