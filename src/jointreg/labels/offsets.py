"""Label offsets: the model of labels that two fits share.

Labels lie a little beside the joints of a regressor, as markers lie beside the bones. A label of joint j
of subject s in frame n is

    X_nj = J_j V_n + R_n,limb(j) o_sj + noise

R is the global rotation of the skeleton joint that `skeleton.H36M_AS_SMPL` names, in the camera frame.
In T-pose the axes of its frame are those of the body: x to its left, y up, z forward. The offset o is a
constant in that frame. What all subjects have in common cannot be told from J and belongs to J, so that
offsets are given with a mean of zero over the training subjects.

`refine.label_offsets` fits o and the bodies V, for a J that is given. `regressor.label_offsets` fits o
and J, for bodies that are given.

Source: the observation is from the paper (Fig. 8), the model is ours. Unknown places of markers on a
body that is itself unknown: Loper et al., MoSh, SIGGRAPH Asia 2014.
"""

from collections.abc import Iterable

import numpy as np

from jointreg.body.model import Body
from jointreg.skeleton import LIMB


def limb_frames(body: Body, rotations: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """R_limb(j) of every joint, limb to camera, (N, 17, 3, 3) float64.

    Args:
        body: the body model, with SMPL's 24 joints.
        rotations: (N, 24, 3, 3).
        betas: (N, B).
    """
    return body.transforms(rotations, betas)[0][:, LIMB].astype(np.float64)


def without_mean(offsets: np.ndarray, training: Iterable[np.ndarray]) -> np.ndarray:
    """Offsets of one subject less the mean over the training subjects, which J takes up, metres.

    Args:
        offsets: of the subject, (17, 3).
        training: of each training subject, fitted with the same J, (17, 3).
    """
    return offsets - np.mean(list(training), axis=0)
