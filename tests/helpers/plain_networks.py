"""SPIN, VIBE and MEVA once more, straight from a state dict: what tests compare ours with.

Nothing is shared with jointreg.estimators: functions of tensors, GRUs written out gate by gate, batch
norm left where it stands, and both ways from six numbers to a rotation by their own formulas.
"""

import torch
import torch.nn.functional as F


def resnet(state, images):
    """(N, 3, 224, 224) in 0-1 -> (N, 2048)."""

    def norm(value, name):
        names = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(value, *(state[f"{name}.{part}"] for part in names), eps=1e-5)

    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    value = F.conv2d((images - mean) / deviation, state["conv1.weight"], stride=2, padding=3)
    value = F.max_pool2d(F.relu(norm(value, "bn1")), 3, 2, 1)
    for layer, blocks in ((1, 3), (2, 4), (3, 6), (4, 3)):
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            inner = F.relu(norm(F.conv2d(value, state[f"{name}.conv1.weight"]), f"{name}.bn1"))
            inner = F.conv2d(inner, state[f"{name}.conv2.weight"], stride=stride, padding=1)
            inner = F.relu(norm(inner, f"{name}.bn2"))
            inner = norm(F.conv2d(inner, state[f"{name}.conv3.weight"]), f"{name}.bn3")
            if block == 0:
                value = F.conv2d(value, state[f"{name}.downsample.0.weight"], stride=stride)
                value = norm(value, f"{name}.downsample.1")
            value = F.relu(inner + value)
    return F.avg_pool2d(value, 7, 1).flatten(1)


def linear(state, name, value):
    return value @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def iterate(state, prefix, features, pose=None):
    """Three rounds of correction: pose (N, 144), betas, camera."""
    count = len(features)
    pose = state[f"{prefix}init_pose"].repeat(count, 1) if pose is None else pose
    shape = state[f"{prefix}init_shape"].repeat(count, 1)
    camera = state[f"{prefix}init_cam"].repeat(count, 1)
    for _ in range(3):
        hidden = torch.cat([features, pose, shape, camera], 1)
        hidden = linear(state, f"{prefix}fc2", linear(state, f"{prefix}fc1", hidden))
        pose = pose + linear(state, f"{prefix}decpose", hidden)
        shape = shape + linear(state, f"{prefix}decshape", hidden)
        camera = camera + linear(state, f"{prefix}deccam", hidden)
    return pose, shape, camera


def gru_step(weights, value, hidden):
    """One step of a GRU; weights are w_ih, w_hh, b_ih, b_hh with gates reset, update, new."""
    w_ih, w_hh, b_ih, b_hh = weights
    from_input, from_hidden = value @ w_ih.T + b_ih, hidden @ w_hh.T + b_hh
    input_r, input_z, input_n = from_input.chunk(3, -1)
    hidden_r, hidden_z, hidden_n = from_hidden.chunk(3, -1)
    reset, update = torch.sigmoid(input_r + hidden_r), torch.sigmoid(input_z + hidden_z)
    new = torch.tanh(input_n + reset * hidden_n)
    return (1 - update) * new + update * hidden


def gru(state, name, values, ways):
    """Two layers over (T, inputs) of one sequence; `ways` 2: there and back, side by side."""
    for layer in range(2):
        sides = []
        for suffix in ("", "_reverse")[:ways]:
            weights = [
                state[f"{name}.{part}_l{layer}{suffix}"]
                for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            hidden, out = torch.zeros(weights[1].shape[1]), []
            for value in values.flip(0) if suffix else values:
                hidden = gru_step(weights, value, hidden)
                out.append(hidden)
            sides.append(torch.stack(out[::-1] if suffix else out))
        values = torch.cat(sides, -1)
    return values


def interleaved(pose):
    """SPIN's and VIBE's reading of (N, 144) -> (N, 24, 3, 3)."""
    x = pose.view(-1, 3, 2)
    b1 = F.normalize(x[:, :, 0], dim=1)
    b2 = F.normalize(x[:, :, 1] - (b1 * x[:, :, 1]).sum(1, keepdim=True) * b1, dim=1)
    return torch.stack([b1, b2, torch.cross(b1, b2, dim=1)], -1).view(-1, 24, 3, 3)


def stacked(pose):
    """MEVA's reading of (N, 144) -> (N, 24, 3, 3)."""
    x = pose.view(-1, 6)
    c1 = x[:, :3] / x[:, :3].norm(dim=1, keepdim=True).clamp(min=1e-8)
    c3 = torch.cross(c1, x[:, 3:], dim=1)
    c3 = c3 / c3.norm(dim=1, keepdim=True).clamp(min=1e-8)
    return torch.stack([c1, torch.cross(c3, c1, dim=1), c3], -1).view(-1, 24, 3, 3)


def spin(state, features):
    pose, shape, camera = iterate(state, "", features)
    return interleaved(pose), shape, camera


def vibe_features(state, features):
    """Features (T, 2048) of one sequence as its regressor sees them."""
    seen = gru(state, "encoder.gru", features, 1)
    return features + linear(state, "encoder.linear", F.relu(seen))


def vibe(state, features):
    """Features (T, 2048) of one sequence."""
    pose, shape, camera = iterate(state, "regressor.", vibe_features(state, features))
    return interleaved(pose), shape, camera


def meva_features(state, features):
    """Features (T, 2048) of one sequence as its regressor sees them, and poses (T, 144) to start from.

    All 90 poses are decoded, as in the official code.
    """
    seen = gru(state, "feat_encoder.gru", features, 2)
    features = features + linear(state, "feat_encoder.linear", torch.tanh(seen))
    motion = torch.tanh(gru(state, "motion_encoder.gru", features, 2))
    code = linear(state, "motion_encoder.linear", motion).mean(0)
    hidden = F.relu(linear(state, "vae_model.init_pose_mlp.affine_layers.0", code))
    hidden = F.relu(linear(state, "vae_model.init_pose_mlp.affine_layers.1", hidden))
    pose, memory, poses = linear(state, "vae_model.init_pose_out", hidden), torch.zeros(512), []
    cell = [
        state[f"vae_model.d_rnn.rnn_f.{part}"]
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    for _ in range(90):
        memory = gru_step(cell, torch.cat([pose, code]), memory)
        hidden = torch.tanh(linear(state, "vae_model.d_mlp.affine_layers.0", memory))
        hidden = torch.tanh(linear(state, "vae_model.d_mlp.affine_layers.1", hidden))
        pose = linear(state, "vae_model.d_out", hidden)
        poses.append(pose)
    return features, torch.stack(poses)[: len(features)]


def meva(state, features):
    """Features (T, 2048) of one sequence."""
    pose, shape, camera = iterate(state, "regressor.", *meva_features(state, features))
    return stacked(pose), shape, camera
