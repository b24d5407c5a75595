"""Reads the networks' official files as data, without running code in them.

Tensors, plain containers and NumPy's scalars are read; a file that names any other class is refused.
Optimiser states are dropped. If the file's format allows it, they are not even read from the disk.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from jointreg.errors import ConfigError, DataError
from jointreg.files.input import require_file
from jointreg.files.pickles import read_npz
from jointreg.files.tensors import read_tensors

WRAPPER: dict[str, str] = {"spin": "model", "vibe": "gen_state_dict", "meva": "gen_state_dict"}
"""Network -> key of its file that contains the weights."""

SOURCE: dict[str, str] = {
    "spin": "model_checkpoint.pt of SPIN (https://github.com/nkolot/SPIN, fetch_data.sh), or "
    "spin_model_checkpoint.pth.tar in the data of VIBE and MEVA",
    "vibe": "vibe_model_wo_3dpw.pth.tar of VIBE (https://github.com/mkocabas/VIBE, prepare_data.sh)",
    "meva": "train_meva_2/model_best.pth.tar of MEVA (https://github.com/ZhengyiLuo/MEVA)",
    "mean": "smpl_mean_params.npz comes with the data of SPIN, VIBE and MEVA "
    "(https://github.com/nkolot/SPIN, fetch_data.sh)",
}
"""File -> where to get it, for errors."""

_SIGN = {
    "conv1.weight": "spin",
    "encoder.gru.weight_ih_l0": "vibe",
    "feat_encoder.gru.weight_ih_l0": "meva",
}
"""A key that only one network's weights have -> that network."""

_NOT_NEEDED = ("vae_init_mlp.", "vae_model.e_")
"""Parts of MEVA's file that no body comes from: the encoder of its VAE, and a layer of another VAE."""

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def read_state(path: str | Path, network: str) -> dict[str, torch.Tensor]:
    """Weights of a network, float32, under the names of its file.

    SMPL buffers, counters of batch norm and unused parts are left out.

    Args:
        path: a checkpoint in the official wrapper.
        network: spin, vibe or meva.

    Raises:
        DataError: the file is missing, truncated, names foreign classes, is of another network, or
            holds numbers that are not finite.
    """
    path, wrapper = Path(path), WRAPPER[network]
    content = _load(path, network)
    weights = content.get(wrapper) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(v, torch.Tensor) for v in weights.values()):
        raise DataError(
            f"{path}: a checkpoint of {network} has its weights under '{wrapper}', found "
            f"{_described(content)}",
            f"expected {SOURCE[network]}",
        )
    owners = {_SIGN[key] for key in weights if key in _SIGN}
    if owners and network not in owners:
        raise DataError(
            f"{path} is a checkpoint of {', '.join(sorted(owners))}, expected one of {network}",
            f"expected {SOURCE[network]}",
        )
    used = {
        key: value
        for key, value in weights.items()
        if "smpl" not in str(key).split(".")
        and not str(key).endswith("num_batches_tracked")
        and not str(key).startswith(_NOT_NEEDED)
    }
    _require_plain(used, path)
    # Copies: the file may be mapped into memory, and is closed once no tensor refers to it.
    state = {key: value.to(torch.float32, copy=True) for key, value in used.items()}
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise DataError(f"{path}: {key} is not finite", "fetch the file again")
    return state


def _require_plain(state: Mapping[Any, torch.Tensor], path: Path) -> None:
    """Refuse names that are no text, and tensors that are not floating-point numbers in memory.

    Raises:
        DataError: names the first of them.
    """
    for key, value in state.items():
        plain = value.layout == torch.strided and value.device.type == "cpu" and value.dtype in _FLOATS
        if not plain or not isinstance(key, str):
            raise DataError(
                f"{path}: {str(key)[:100]!r} is a tensor of {value.dtype}, {value.layout} on "
                f"{value.device}, expected plain floating-point numbers",
                "save the network's state_dict as its authors do",
            )


def read_mean_params(path: str | Path, prefix: str = "") -> dict[str, torch.Tensor]:
    """The mean body that the iteration starts from, named as in a checkpoint: <prefix>init_pose etc.

    Raises:
        DataError: the file is missing, damaged, or has other arrays than pose, shape and cam.
    """
    path = Path(path)
    require_file(path, "file of mean parameters", SOURCE["mean"])
    sizes = {"pose": 144, "shape": 10, "cam": 3}
    arrays = read_npz(path.read_bytes(), str(path), sizes)
    mean = {}
    for key, size in sizes.items():
        if key not in arrays:
            raise DataError(f"{path} has {', '.join(sorted(arrays))} and no '{key}'", SOURCE["mean"])
        array = np.asarray(arrays[key])
        plain = array.dtype.kind in "fiu" and array.shape == (size,) and np.isfinite(array).all()
        if not plain:
            raise DataError(
                f"{path}: '{key}' must be {size} finite numbers, found {array.dtype} of shape "
                f"{array.shape}",
                SOURCE["mean"],
            )
        mean[f"{prefix}init_{key}"] = torch.from_numpy(array.astype(np.float32))[None]
    return mean


def fill(module: nn.Module, state: Mapping[str, torch.Tensor], where: str | Path) -> None:
    """Give a module, made on the device `meta`, the weights of a checkpoint.

    A key that the module does not have is named in a warning: the official code passes over such keys.

    Raises:
        DataError: weights are missing or have another shape; all are named.
    """
    expected = {
        name: tuple(value.shape)
        for name, value in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    missing = [f"  {key} {shape}: missing" for key, shape in expected.items() if key not in state]
    wrong = [
        f"  {key}: shape {tuple(state[key].shape)}, expected {shape}"
        for key, shape in expected.items()
        if key in state and tuple(state[key].shape) != shape
    ]
    if missing or wrong:
        raise DataError(
            f"{where} does not fit the network, {len(missing) + len(wrong)} of {len(expected)} keys:\n"
            + "\n".join(wrong + missing),
            f"mean_params gives init_*: {SOURCE['mean']}" if "init_" in "".join(missing) else None,
        )
    unknown = sorted(set(state) - set(expected))
    if unknown:
        names = ", ".join(unknown)
        warnings.warn(f"{where}: keys that the network does not have: {names}", stacklevel=2)
    module.load_state_dict({key: state[key] for key in expected}, strict=False, assign=True)
    module.requires_grad_(False).eval()


def known_network(network: str) -> None:
    """Refuse a name that is none of the three.

    Raises:
        ConfigError: names them.
    """
    if network not in WRAPPER:
        raise ConfigError(f"network '{network}' is not known, expected one of {', '.join(WRAPPER)}")


def _load(path: Path, network: str) -> Any:
    require_file(path, f"checkpoint of {network}", SOURCE[network])
    cures = [f"expected {SOURCE[network]}", f"fetch it again: {SOURCE[network]}"]
    return read_tensors(path, "checkpoint", cures)


def _described(content: Any) -> str:
    """The content of a file, for errors."""
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    hint = {"model": " (a checkpoint of spin)", "gen_state_dict": " (a checkpoint of vibe or meva)"}
    return ", ".join(f"'{key}'{hint.get(key, '')}" for key in list(content)[:8]) or "nothing"
