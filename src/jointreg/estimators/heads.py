"""The three networks without their common ResNet-50: bodies from the backbone's features.

A head maps features (B, T, 2048), B sequences of T frames, to B * T bodies. Names of parameters are
those of the official checkpoints. Sources: Kolotouros et al., SPIN, ICCV 2019; Kocabas et al., VIBE,
CVPR 2020 (the paper's network looks both ways, the released one looks back only); Luo et al., MEVA, ACCV
2020.
"""

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import nn

from jointreg.body.rotation_6d import plain
from jointreg.estimators.backbone import FEATURES

POSE, SHAPE, CAMERA = 24 * 6, 10, 3
"""Numbers of a body: 24 rotations as 6D, betas, weak-perspective camera."""

Convention = Literal["interleaved", "stacked"]
"""How six numbers hold two columns of a rotation matrix. `interleaved` (SPIN, VIBE): row by row, x0 x2
x4 are the first column. `stacked` (MEVA): one after the other, x0 x1 x2 are the first column."""


class BodyEstimate(NamedTuple):
    """Bodies of N images."""

    rotations: torch.Tensor
    """Global orientation in the frame of the crop's camera, 23 relative rotations; (N, 24, 3, 3)."""
    betas: torch.Tensor
    """(N, 10)."""
    camera: torch.Tensor
    """Weak perspective (s, tx, ty), (N, 3): a point of the body lies at s (x + tx), s (y + ty) of the
    crop, whose edges are -1 and 1."""


def to_rotations(six: torch.Tensor, convention: Convention) -> torch.Tensor:
    """Rotation matrices by Gram-Schmidt, (..., 6) -> (..., 3, 3)."""
    if convention == "stacked":
        six = six.unflatten(-1, (2, 3)).transpose(-1, -2).flatten(-2)
    return plain(six)


class IterativeRegressor(nn.Module):
    """Corrects a mean body three times, by linear layers (Kanazawa et al., HMR, CVPR 2018)."""

    init_pose: torch.Tensor
    init_shape: torch.Tensor
    init_cam: torch.Tensor

    def __init__(self, convention: Convention) -> None:
        super().__init__()
        self.convention = convention
        self.fc1 = nn.Linear(FEATURES + POSE + SHAPE + CAMERA, 1024)
        self.fc2 = nn.Linear(1024, 1024)
        self.decpose = nn.Linear(1024, POSE)
        self.decshape = nn.Linear(1024, SHAPE)
        self.deccam = nn.Linear(1024, CAMERA)
        for name, size in (("pose", POSE), ("shape", SHAPE), ("cam", CAMERA)):
            self.register_buffer(f"init_{name}", torch.zeros(1, size))

    def forward(self, features: torch.Tensor, pose: torch.Tensor | None = None) -> BodyEstimate:
        """Bodies from features (N, 2048). Starts from `pose` (N, 144); None: from the mean pose."""
        count = len(features)
        pose = self.init_pose.expand(count, -1) if pose is None else pose
        shape, camera = self.init_shape.expand(count, -1), self.init_cam.expand(count, -1)
        for _ in range(3):
            hidden = self.fc2(self.fc1(torch.cat([features, pose, shape, camera], dim=1)))
            pose = pose + self.decpose(hidden)
            shape = shape + self.decshape(hidden)
            camera = camera + self.deccam(hidden)
        return BodyEstimate(to_rotations(pose.unflatten(1, (24, 6)), self.convention), shape, camera)


class SpinHead(IterativeRegressor):
    """SPIN reads single frames. Its parameters have no prefix, like those of the backbone."""

    window: int | None = None

    def __init__(self) -> None:
        super().__init__("interleaved")

    def forward(self, features: torch.Tensor, pose: torch.Tensor | None = None) -> BodyEstimate:
        """Bodies of features (B, T, 2048)."""
        return super().forward(features.flatten(0, 1), pose)


class _Recurrent(nn.Module):
    """Two GRU layers from zero state, an activation and a linear layer."""

    def __init__(self, hidden: int, out: int, *, both_ways: bool) -> None:
        super().__init__()
        self.gru = nn.GRU(FEATURES, hidden, 2, batch_first=True, bidirectional=both_ways)
        self.linear = nn.Linear(hidden * (2 if both_ways else 1), out)
        self.activation = torch.tanh if both_ways else torch.relu

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, T, 2048) -> (B, T, out)."""
        return self.linear(self.activation(self.gru(features)[0]))


class VibeHead(nn.Module):
    """VIBE looks back along the sequence: a body does not depend on later frames."""

    window: int | None = None
    """Most frames of a sequence; None for any number."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Recurrent(1024, FEATURES, both_ways=False)
        self.regressor = IterativeRegressor("interleaved")

    def forward(self, features: torch.Tensor) -> BodyEstimate:
        """Bodies of features (B, T, 2048)."""
        return self.regressor((features + self.encoder(features)).flatten(0, 1))


class _Mlp(nn.Module):
    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.affine_layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))


class _Cell(nn.Module):
    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.rnn_f = nn.GRUCell(inputs, hidden)


class MotionDecoder(nn.Module):
    """Decoder of MEVA's motion VAE: a code (B, 512) to poses, step by step. No encoder is needed."""

    STEPS = 90
    """Frames of a motion that the VAE was trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.init_pose_mlp = _Mlp(512, 1024, 512)
        self.init_pose_out = nn.Linear(512, POSE)
        self.d_rnn = _Cell(POSE + 512, 512)
        self.d_mlp = _Mlp(512, 1024, 512)
        self.d_out = nn.Linear(512, POSE)

    def forward(self, code: torch.Tensor, steps: int) -> torch.Tensor:
        """The first `steps` poses, (B, steps, 144) in 6D; no pose depends on a later one."""
        hidden = code
        for layer in self.init_pose_mlp.affine_layers:
            hidden = layer(hidden).relu()
        pose, state, poses = self.init_pose_out(hidden), code.new_zeros(len(code), 512), []
        for _ in range(steps):
            state = self.d_rnn.rnn_f(torch.cat([pose, code], dim=1), state)
            hidden = state
            for layer in self.d_mlp.affine_layers:
                hidden = layer(hidden).tanh()
            pose = self.d_out(hidden)
            poses.append(pose)
        return torch.stack(poses, dim=1)


class MevaHead(nn.Module):
    """MEVA decodes a coarse motion of the whole sequence and corrects it frame by frame."""

    window: int | None = MotionDecoder.STEPS

    def __init__(self) -> None:
        super().__init__()
        self.feat_encoder = _Recurrent(1024, FEATURES, both_ways=True)
        self.motion_encoder = _Recurrent(512, 512, both_ways=True)
        self.vae_model = MotionDecoder()
        self.regressor = IterativeRegressor("stacked")

    def forward(self, features: torch.Tensor) -> BodyEstimate:
        """Bodies of features (B, T, 2048), T at most 90."""
        features = features + self.feat_encoder(features)
        code = self.motion_encoder(features).mean(dim=1)
        poses = self.vae_model(code, features.shape[1])
        return self.regressor(features.flatten(0, 1), poses.flatten(0, 1))
