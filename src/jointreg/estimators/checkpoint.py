"""The networks' files, as their authors' code writes them: read as data, never run.

Tensors, plain containers and NumPy's scalars are read; a file that names any other class is refused.
Optimiser states are not kept, nor even read where the file's format allows it.
"""

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from jointreg.errors import ConfigError, DataError

WRAPPER: dict[str, str] = {"spin": "model", "vibe": "gen_state_dict", "meva": "gen_state_dict"}
"""Where in its file a network's weights are."""

SOURCE: dict[str, str] = {
    "spin": "model_checkpoint.pt of SPIN (https://github.com/nkolot/SPIN, fetch_data.sh), or "
    "spin_model_checkpoint.pth.tar in the data of VIBE and MEVA",
    "vibe": "vibe_model_wo_3dpw.pth.tar of VIBE (https://github.com/mkocabas/VIBE, prepare_data.sh)",
    "meva": "train_meva_2/model_best.pth.tar of MEVA (https://github.com/ZhengyiLuo/MEVA)",
    "mean": "smpl_mean_params.npz comes with the data of SPIN, VIBE and MEVA "
    "(https://github.com/nkolot/SPIN, fetch_data.sh)",
}
"""Where the files come from."""

_SIGN = {
    "conv1.weight": "spin",
    "encoder.gru.weight_ih_l0": "vibe",
    "feat_encoder.gru.weight_ih_l0": "meva",
}
"""A key that only this network's weights have."""

_NOT_NEEDED = ("vae_init_mlp.", "vae_model.e_")
"""Parts of MEVA's file that no body comes from: the encoder of its VAE, and a layer of another VAE."""

_SCALAR = np.float64(0).__reduce__()[0]
_SCALARS: list[Any] = [
    np.dtype,
    *{type(np.dtype(name)) for name in ("f2", "f4", "f8", "i4", "i8", "u1", "bool")},
    (_SCALAR, "numpy._core.multiarray.scalar"),
    (_SCALAR, "numpy.core.multiarray.scalar"),
]
"""What a pickled NumPy scalar is made of, in NumPy 1 and 2: VIBE and MEVA write their score as one."""


def read_state(path: str | Path, network: str) -> dict[str, torch.Tensor]:
    """Weights of a network, float32, under the names of its file.

    SMPL buffers, counters of batch norm and parts without use are left out.

    Args:
        path: a checkpoint in the official wrapper.
        network: spin, vibe or meva.

    Raises:
        DataError: the file is missing, truncated, names foreign classes, is of another network, or
            holds numbers that are not finite.
    """
    path, wrapper = Path(path), WRAPPER[network]
    content = _load(path, network)
    found = content.get(wrapper) if isinstance(content, dict) else None
    if not isinstance(found, dict) or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise DataError(
            f"{path}: a checkpoint of {network} has its weights under '{wrapper}', found "
            f"{_described(content)}",
            f"expected {SOURCE[network]}",
        )
    theirs = {_SIGN[key] for key in found if key in _SIGN}
    if theirs and network not in theirs:
        raise DataError(
            f"{path} is a checkpoint of {', '.join(sorted(theirs))}, expected one of {network}",
            f"expected {SOURCE[network]}",
        )
    state = {
        key: value.to(torch.float32, copy=True)  # a copy: the file, mapped into memory, is let go
        for key, value in found.items()
        if "smpl" not in key.split(".")
        and not key.endswith("num_batches_tracked")
        and not key.startswith(_NOT_NEEDED)
    }
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise DataError(f"{path}: {key} is not finite", "fetch the file again")
    return state


def read_mean_params(path: str | Path, prefix: str = "") -> dict[str, torch.Tensor]:
    """The mean body that the iteration starts from, named as in a checkpoint: <prefix>init_pose etc.

    Raises:
        DataError: the file is missing, damaged, or has other arrays than pose, shape and cam.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"mean parameters {path} do not exist", SOURCE["mean"])
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: np.asarray(archive[key], dtype=np.float32) for key in archive.files}
    except Exception as error:
        raise DataError(f"{path} is not a readable npz of plain arrays: {error}") from error
    mean = {}
    for key, size in (("pose", 144), ("shape", 10), ("cam", 3)):
        if key not in arrays or arrays[key].shape != (size,) or not np.isfinite(arrays[key]).all():
            found = arrays[key].shape if key in arrays else f"arrays {sorted(arrays)}"
            raise DataError(
                f"{path}: '{key}' must be {size} finite numbers, found {found}", SOURCE["mean"]
            )
        mean[f"{prefix}init_{key}"] = torch.from_numpy(arrays[key])[None]
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
    if not path.is_file():
        raise DataError(f"checkpoint {path} of {network} does not exist", SOURCE[network])
    try:
        with torch.serialization.safe_globals(_SCALARS):
            # Mapped, so that what is not asked for is not read; the format before 2020 cannot be.
            mapped = zipfile.is_zipfile(path)
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:
        reason = str(error).rpartition("WeightsUnpickler error:")[2].strip()
        foreign = re.search(r"GLOBAL (\S+) was not an allowed global", reason)
        if foreign:
            raise DataError(
                f"{path} names {foreign[1]}, expected tensors and numbers only: it is not read, because "
                "that could run code",
                f"expected {SOURCE[network]}",
            ) from error
        raise DataError(
            f"{path} ({path.stat().st_size} bytes) is not a readable checkpoint, truncated or damaged: "
            f"{(reason or type(error).__name__).splitlines()[0][:200]}",
            f"fetch it again: {SOURCE[network]}",
        ) from error


def _described(content: Any) -> str:
    """What a file holds, for errors."""
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    hint = {"model": " (a checkpoint of spin)", "gen_state_dict": " (a checkpoint of vibe or meva)"}
    return ", ".join(f"'{key}'{hint.get(key, '')}" for key in list(content)[:8]) or "nothing"
