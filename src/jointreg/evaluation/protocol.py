"""The protocol: which joints count, which one is the root, and the sentence in every caption."""

from collections.abc import Sequence

import numpy as np

from jointreg.config.settings import Evaluate
from jointreg.errors import ConfigError
from jointreg.evaluation.intervals import FEWEST_CLUSTERS
from jointreg.skeleton import H36M_14, H36M_17, rows


def protocol_joints(protocol: Evaluate) -> np.ndarray:
    """Rows of `H36M_17` over which the protocol's means run, (14,) or (17,)."""
    return rows(H36M_14 if protocol.joints == 14 else H36M_17)


def joints_in_words(protocol: Evaluate) -> str:
    """The protocol's joints in the words of captions."""
    return "14 joints (SPIN's set)" if protocol.joints == 14 else "17 joints (the pelvis counts)"


def protocol_root(protocol: Evaluate) -> int:
    """Row of `H36M_17` that MPJPE moves both skeletons to.

    Raises:
        ConfigError: no joint has that name.
    """
    if protocol.root not in H36M_17:
        raise ConfigError(
            f"evaluate.root is '{protocol.root}', expected one of {', '.join(H36M_17)}",
            "use pelvis, as the paper does",
        )
    return H36M_17.index(protocol.root)


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
    """
    step = {1: "every frame", 2: "every 2nd frame", 3: "every 3rd frame"}.get(
        frame_step, f"every {frame_step}th frame"
    )
    if kept_only and frame_step == 1:
        step = "all frames that h36m-fetch kept"
    left_out = f"left out ({damaged})" if damaged else "left out"
    mean = {"frames": "mean over frames", "actions": "mean over the means of the actions"}
    read = f", read by the named regressor from the mesh of body {body}" if body else ""
    sentences = [
        f"Protocol: {joints_in_words(protocol)}{read}; MPJPE after moving both skeletons to the "
        f"{protocol.root.replace('_', ' ')}, PA-MPJPE after the best similarity of each frame on the "
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
            "The bodies were themselves fitted to the labels that score them: these numbers show that "
            "the pipeline runs on real pictures, not that a regressor or a method is better."
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
