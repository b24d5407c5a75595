"""SPIN, VIBE and MEVA: pictures of one person to SMPL bodies, with the official weights.

    spin = load_estimator("spin", checkpoint="model_checkpoint.pt", mean_params="smpl_mean_params.npz")
    bodies = spin(images)  # (N, 3, 224, 224), RGB in 0-1

All three see an image through SPIN's ResNet-50, which is nearly all of the work: `Estimator.features`
is that part, `Estimator.bodies` the rest, so that the features of a frame need to be found only once.
Written from the papers and from the layout of the published files.
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
"""Frames that two neighbouring windows of a sequence share, each using its half."""

BATCH = 256
"""Frames that stand by themselves go through a head so many at once; bounds the memory."""

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
            sequence: the images are consecutive frames of one recording; else each stands by itself, as
                in the paper.

        Raises:
            ShapeError, UnitError: the images are of another size or range.
        """
        return self.bodies(self.features(images), sequence=sequence)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """The backbone alone, (N, 3, 224, 224) -> (N, 2048). Raises as `__call__`."""
        return image_features(self.backbone, images, self.device)

    def bodies(self, features: torch.Tensor, *, sequence: bool = False) -> BodyEstimate:
        """The rest of the network, features (N, 2048) of N frames; see `__call__`."""
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
        checkpoint: SPIN's file has `model`, those of VIBE and MEVA `gen_state_dict`.
        mean_params: smpl_mean_params.npz, for what the checkpoint does not say of the mean body; None
            where it says all.
        backbone: SPIN's file, for VIBE and MEVA, whose own files hold no ResNet-50.
        device: where to run, "cpu" or "cuda".

    Raises:
        ConfigError: the network is unknown, or `backbone` is missing or too many.
        DataError: a file is missing, damaged or of another network; names the keys.
    """
    known_network(network)
    if (backbone is None) != (network == "spin"):
        raise ConfigError(
            f"{network} was given {'no ' if backbone is None else 'a '}backbone",
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
    """A network without its backbone: all that VIBE's and MEVA's own files hold. Raises as there."""
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
            "give RGB divided by 255, without ImageNet's mean and deviation: they are taken off inside",
        )
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        parts = [backbone(some.to(device, torch.float32)) for some in images.split(batch)]
    return torch.cat(parts)


def head_bodies(head: Head, features: torch.Tensor, *, sequence: bool = False) -> BodyEstimate:
    """Bodies of features (N, 2048), in windows where the head cannot take so long a sequence.

    Windows share `OVERLAP` frames, of which each gives those nearer to its middle; the last one is
    moved back so that it is whole.
    """
    if features.ndim != 2 or features.shape[1] != FEATURES:
        raise ShapeError(f"features have shape {tuple(features.shape)}, expected (N, {FEATURES})")
    with torch.no_grad():
        if sequence and len(features):
            parts = [
                [
                    value[kept.start - start : kept.stop - start]
                    for value in head(features[None, start:stop])
                ]
                for start, stop, kept in _windows(len(features), head.window)
            ]
        else:
            parts = [list(head(some[:, None])) for some in features.split(BATCH)]
        return BodyEstimate(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _windows(count: int, longest: int | None) -> list[tuple[int, int, range]]:
    """Start and stop of each window, and the frames that are taken from it."""
    if longest is None or count <= longest:
        return [(0, count, range(count))]
    starts = [*range(0, count - longest, longest - OVERLAP), count - longest]
    seams = [(before + longest + after) // 2 for before, after in pairwise(starts)]
    kept = [range(*ends) for ends in pairwise([0, *seams, count])]
    return [(start, start + longest, part) for start, part in zip(starts, kept, strict=True)]
