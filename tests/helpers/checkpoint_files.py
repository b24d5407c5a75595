"""Checkpoints with random weights in the official layout: every key of the official classes, wrapped.

The lists of keys, shapes and types in tests/data/checkpoints were read off the official classes; no
published file was at hand.
"""

import csv

import numpy as np
import torch
from project import ROOT

TABLES = ROOT / "tests/data/checkpoints"
WRAPPER = {"spin": "model", "vibe": "gen_state_dict", "meva": "gen_state_dict"}
MEAN_POSE = np.tile(np.float32([1, 0, 0, 1, 0, 0]), 24)
MEAN_POSE[:6] = [1, 0, 0, -1, 0, 0]  # upright before a camera whose y axis points down


def table(network):
    """Key -> (shape, dtype) of the official class."""
    with (TABLES / f"{network}.tsv").open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return {
        row["key"]: (
            tuple(int(size) for size in row["shape"].split("x") if size),
            getattr(torch, row["dtype"]),
        )
        for row in rows
    }


def random_state(network, seed=0):
    """A state dict of the whole table; sizes of the weights are such that activations stay near 1."""
    generator, state = torch.Generator().manual_seed(seed), {}
    for key, (shape, dtype) in table(network).items():
        name = key.rsplit(".", 1)[-1]
        if dtype != torch.float32:
            value = torch.zeros(shape, dtype=dtype)
        elif "smpl" in key.split("."):
            value = torch.full(shape, torch.nan)  # must not be looked at
        elif name in ("init_pose", "init_shape", "init_cam"):
            value = torch.from_numpy(mean_arrays()[name.removeprefix("init_")])[None].clone()
        elif name == "running_var":
            value = 0.5 + torch.rand(shape, generator=generator)
        elif len(shape) == 1:
            value = 0.1 * torch.randn(shape, generator=generator)
            if name == "weight":  # scale of a batch norm; less in the last of a block
                value += 0.1 if "bn3" in key else 1.0
        else:
            fan_in = int(np.prod(shape[1:]))
            gain = 2.0 if len(shape) == 4 else 0.01 if ".dec" in f".{key}" else 1.0
            value = torch.randn(shape, generator=generator) * (gain / fan_in) ** 0.5
        state[key] = value
    return state


def mean_arrays():
    """Arrays of smpl_mean_params.npz."""
    return {
        "pose": MEAN_POSE.copy(),
        "shape": np.linspace(-0.5, 0.5, 10, dtype=np.float32),
        "cam": np.float32([0.9, 0, 0]),
    }


def write_mean_params(path):
    np.savez(path, **mean_arrays())
    return path


def write_checkpoint(path, network, state):
    """What the official code saves beside the weights: optimiser, counters, and a NumPy score."""
    moments = {0: {"step": 3, "exp_avg": torch.zeros(1000)}}
    others = {
        "spin": {
            "optimizer": {"state": moments},
            "epoch": 5,
            "batch_idx": 1,
            "batch_size": 64,
            "dataset_perm": [2, 0, 1],
            "total_step_count": 7,
        },
        "vibe": {
            "epoch": 3,
            "performance": np.float64(56.5),
            "gen_optimizer": {"state": moments},
            "disc_motion_state_dict": {"fc.weight": torch.zeros(3, 3)},
            "disc_motion_optimizer": {"state": moments},
        },
        "meva": {"epoch": 3, "performance": np.float32(56.5), "gen_optimizer": {"state": moments}},
    }
    torch.save({WRAPPER[network]: state, **others[network]}, path)
    return path
