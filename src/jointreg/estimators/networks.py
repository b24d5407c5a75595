"""Loads SPIN, VIBE and MEVA from their authors' files and runs them.

`jointreg.estimators` describes the parts of an estimator, with an example.
"""

from itertools import pairwise
from pathlib import Path

import torch

from jointreg.errors import ConfigError, ShapeError, UnitError
from jointreg.estimators.backbone import FEATURES, Backbone
from jointreg.estimators.checkpoint import fill, known_network, read_mean_params, read_state
from jointreg.estimators.heads import BodyEstimate, MevaHead, SpinHead, VibeHead

__all__ = ["BodyEstimate", "Estimator", "load_backbone", "load_estimator", "load_head"]

OVERLAP = 20
"""Frames that two neighbouring windows of a sequence share. Each window gives half of them."""

BATCH = 256
"""Single frames that go through a head at once. Bounds the memory."""

Head = SpinHead | VibeHead | MevaHead

_HEADS: dict[str, type[Head]] = {"spin": SpinHead, "vibe": VibeHead, "meva": MevaHead}


class Estimator:
    """One of the three networks, ready to be called."""

    def __init__(self, backbone: Backbone, head: Head, device: str) -> None:
        self.backbone, self.head, self.device = backbone, head, torch.device(device)

    def __call__(self, images: torch.Tensor, *, sequence: bool = False) -> BodyEstimate:
        """Bodies of images.

        Args:
            images: one person, cropped, RGB in 0-1, not normalised, (N, 3, 224, 224).
            sequence: whether the images are consecutive frames of one recording. If not, each body is
                estimated from one image, as in the paper.

        Raises:
            ShapeError, UnitError: the images are of another size or range.
        """
        return self.bodies(self.features(images), sequence=sequence)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Features by the backbone, (N, 3, 224, 224) -> (N, 2048). Raises as `__call__`."""
        return image_features(self.backbone, images, self.device)

    def bodies(self, features: torch.Tensor, *, sequence: bool = False) -> BodyEstimate:
        """Bodies from the features (N, 2048) of N frames; `sequence` as in `__call__`."""
        return head_bodies(self.head, features.to(self.device), sequence=sequence)


def load_estimator(
    network: str,
    *,
    checkpoint: str | Path,
    mean_params: str | Path | None,
    backbone: str | Path | None = None,
    device: str = "cpu",
) -> Estimator:
    """Load a network from its authors' files.

    Args:
        network: spin, vibe or meva.
        checkpoint: the network's official file, with the weights under the key `model` (SPIN) or
            `gen_state_dict` (VIBE, MEVA).
        mean_params: smpl_mean_params.npz, which gives the parts of the mean body that the checkpoint
            lacks; None if it lacks none.
        backbone: SPIN's file. VIBE and MEVA need it, because their own files contain no ResNet-50.
        device: where to run, "cpu" or "cuda".

    Raises:
        ConfigError: the network is unknown, VIBE or MEVA have no `backbone`, or SPIN has one.
        DataError: a file is missing, damaged or of another network. The message names the keys.
    """
    known_network(network)
    if (backbone is None) != (network == "spin"):
        raise ConfigError(
            f"{network} is loaded with{'out' if backbone is None else ''} a backbone",
            "vibe and meva need backbone=<SPIN's checkpoint>, spin has its own",
        )
    resnet = load_backbone(checkpoint if backbone is None else backbone, device)
    head = load_head(network, checkpoint=checkpoint, mean_params=mean_params, device=device)
    return Estimator(resnet, head, device)


def load_backbone(checkpoint: str | Path, device: str = "cpu") -> Backbone:
    """The ResNet-50 of SPIN's checkpoint. Raises DataError as `load_estimator`."""
    state = read_state(checkpoint, "spin")
    with torch.device("meta"):
        backbone = Backbone()
    own = {key: state[key] for key in backbone.state_dict() if key in state}
    fill(backbone, own, checkpoint)
    return backbone.for_inference().to(device)


def load_head(
    network: str, *, checkpoint: str | Path, mean_params: str | Path | None, device: str = "cpu"
) -> Head:
    """A network without its backbone, as in the files of VIBE and MEVA. Raises as `load_estimator`."""
    known_network(network)
    prefix = "" if network == "spin" else "regressor."
    mean = {} if mean_params is None else read_mean_params(mean_params, prefix)
    state = mean | read_state(checkpoint, network)
    with torch.device("meta"):
        head = _HEADS[network]()
        others = set(Backbone().state_dict() if network == "spin" else ())
    fill(head, {key: value for key, value in state.items() if key not in others}, checkpoint)
    return head.to(device)


def image_features(
    backbone: Backbone, images: torch.Tensor, device: torch.device, batch: int = 16
) -> torch.Tensor:
    """Features (N, 2048) of images (N, 3, 224, 224), `batch` at once. Raises ShapeError, UnitError."""
    if images.ndim != 4 or images.shape[1:] != (3, 224, 224) or not images.is_floating_point():
        raise ShapeError(
            f"images are {images.dtype} of shape {tuple(images.shape)}, expected float32 "
            "(N, 3, 224, 224)"
        )
    if len(images) and not (images.min() >= 0 and images.max() <= 1):
        raise UnitError(
            f"images range from {images.min():.3g} to {images.max():.3g}, expected 0 to 1",
            "give RGB divided by 255; the backbone normalises it by ImageNet's mean and deviation",
        )
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        parts = [backbone(part.to(device, torch.float32)) for part in images.split(batch)]
    return torch.cat(parts)


def head_bodies(head: Head, features: torch.Tensor, *, sequence: bool = False) -> BodyEstimate:
    """Bodies from features (N, 2048).

    A sequence that is too long for the head is cut into windows. Neighbouring windows share `OVERLAP`
    frames; the body of a frame comes from the window whose middle is nearer. The last window starts
    early enough to be full.

    Raises:
        ShapeError: the features have another shape.
    """
    if features.ndim != 2 or features.shape[1] != FEATURES:
        raise ShapeError(f"features have shape {tuple(features.shape)}, expected (N, {FEATURES})")
    with torch.no_grad():
        if sequence and len(features):
            parts = [
                [
                    value[used.start - start : used.stop - start]
                    for value in head(features[None, start:stop])
                ]
                for start, stop, used in _windows(len(features), head.window)
            ]
        else:
            parts = [list(head(part[:, None])) for part in features.split(BATCH)]
        return BodyEstimate(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _windows(count: int, longest: int | None) -> list[tuple[int, int, range]]:
    """Start and stop of each window, and the frames whose bodies come from it."""
    if longest is None or count <= longest:
        return [(0, count, range(count))]
    starts = [*range(0, count - longest, longest - OVERLAP), count - longest]
    seams = [(before + longest + after) // 2 for before, after in pairwise(starts)]
    used = [range(*ends) for ends in pairwise([0, *seams, count])]
    return [(start, start + longest, frames) for start, frames in zip(starts, used, strict=True)]
