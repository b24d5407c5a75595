"""Checkpoints of SPIN, VIBE and MEVA that say of given pictures what they are told to.

The backbone and all recurrent layers keep their random weights. Without feedback (the columns of `fc1`
that read the last guess are zero) the regressors are linear in what they see; their last layer is the
smallest that gives the bodies asked for. What they see is reckoned by `plain_networks`, not by jointreg.
"""

import numpy as np
import plain_networks
import torch

from jointreg.stores import CROP

PREFIX = {"spin": "", "vibe": "regressor.", "meva": "regressor."}
ROUNDS = 3


def plant(network, state, features, rotations, betas, camera):
    """Change a state dict so that features (N, 2048), each a sequence of one frame, give these bodies.

    Args:
        rotations: (N, 24, 3, 3).
        betas: (N, 10).
        camera: weak perspective s, tx, ty, (N, 3).
    """
    prefix = PREFIX[network]
    start = state[f"{prefix}init_pose"].repeat(len(features), 1)
    if network == "vibe":
        features = torch.cat([plain_networks.vibe_features(state, one[None]) for one in features])
    elif network == "meva":
        seen = [plain_networks.meva_features(state, one[None]) for one in features]
        features, start = (torch.cat(parts) for parts in zip(*seen, strict=True))
    columns = rotations[..., :2]  # row by row: SPIN's and VIBE's order of the six numbers
    if network == "meva":
        columns = columns.swapaxes(-1, -2)
    pose = torch.from_numpy(np.ascontiguousarray(columns).reshape(len(features), 144))
    state[f"{prefix}fc1.weight"][:, features.shape[1] :] = 0
    nothing = torch.zeros(len(features), state[f"{prefix}fc1.weight"].shape[1] - features.shape[1])
    hidden = plain_networks.linear(state, f"{prefix}fc1", torch.cat([features, nothing], dim=1))
    hidden = plain_networks.linear(state, f"{prefix}fc2", hidden)
    seen = torch.cat([hidden, torch.ones(len(hidden), 1)], dim=1).double()
    for layer, first, last in (
        ("decpose", start, pose),
        ("decshape", state[f"{prefix}init_shape"], torch.from_numpy(betas)),
        ("deccam", state[f"{prefix}init_cam"], torch.from_numpy(camera)),
    ):
        step = (last - first).double() / ROUNDS
        solved = torch.linalg.lstsq(seen, step, driver="gelsd").solution.float()
        state[f"{prefix}{layer}.weight"] = solved[:-1].T.contiguous()
        state[f"{prefix}{layer}.bias"] = solved[-1].contiguous()


def weak_perspective(body, betas, translation, crop_intrinsics):
    """Camera s, tx, ty, (N, 3), that shows bodies in their crops where they stand.

    The pelvis's place in the crop, and the scale at its depth: what `estimators.bodies.place` undoes.
    """
    rest = body.rest_joints(betas)[:, 0]
    pelvis = (rest + translation).astype(np.float64)
    pixels = np.einsum("nij,nj->ni", crop_intrinsics, pelvis / pelvis[:, 2:])[:, :2]
    scale = crop_intrinsics[:, 0, 0] / pelvis[:, 2]
    at = (pixels - (CROP - 1) / 2) / scale[:, None] - rest[:, :2]
    return np.column_stack([scale * 2 / CROP, at]).astype(np.float32)
