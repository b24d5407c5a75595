"""Mask R-CNN of two libraries, detectron2 and torchvision, behind one call: pictures -> people.

Both are ResNet-50 with a feature pyramid, trained on COCO: `mask_rcnn_R_50_FPN_3x` of detectron2's model
zoo, and torchvision's `maskrcnn_resnet50_fpn`, which the reference code names. Neither library is a
requirement of jointreg: envs/detectron2.yaml, envs/torchvision.yaml. Their 28 x 28 grids are taken
before the library pastes them into a picture. `segmentation.detections` reads the grids at the crop's
pixels, which is exact, whereas torchvision's paste moves the edges of a box to whole pixels.

Source: He et al., Mask R-CNN, ICCV 2017; paper III.
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jointreg.config.weights import GET_WEIGHTS
from jointreg.errors import ConfigError, DataError
from jointreg.files.input import require_file
from jointreg.files.pickles import read_pickle
from jointreg.segmentation.detections import Network, People

LEAST_SCORE = 0.5
"""Detections of a lower confidence do not count as people."""


def load_network(method: str, weights: str | Path, sha256: str, device: str) -> Network:
    """The network of one library with weights from a file.

    Args:
        method: "detectron2" or "torchvision".
        weights: the library's own file, or one of the same layout.
        sha256: digest of the file, or its first digits.
        device: "cpu" or "cuda".

    Raises:
        ConfigError: the library is not installed.
        DataError: the file is missing, damaged, has another sha256, or is not this network's.
    """
    libraries: dict[str, type[Detectron2] | type[Torchvision]]
    libraries = {"detectron2": Detectron2, "torchvision": Torchvision}
    return libraries[method](read_weights(weights, sha256, GET_WEIGHTS[method]), device)


def read_weights(path: str | Path, sha256: str, source: str) -> dict[str, torch.Tensor]:
    """Parameters by name, from a `torch.save` file or a pickle of arrays as in detectron2's model zoo.

    No code in a file is run: torch reads with `weights_only`, pickles may contain arrays only.

    Args:
        path: the file; `.pkl` is read as a pickle.
        sha256: digest that the file must have, or its first digits.
        source: where the file comes from, for errors.

    Raises:
        DataError: the file is missing, has another sha256, or contains something else.
    """
    path = Path(path)
    require_file(path, "weights", source)
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if not digest.startswith(sha256):
        raise DataError(
            f"weights {path}: sha256 is {digest}, expected {sha256} (segment.sha256)",
            f"fetch the file again, or correct segment.sha256: {source}",
        )
    try:
        if path.suffix == ".pkl":
            loaded = read_pickle(raw, str(path))
        else:
            loaded = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
        state = {name: torch.as_tensor(value) for name, value in loaded.get("model", loaded).items()}
    except Exception as error:  # any error that a damaged or foreign file causes
        raise DataError(
            f"weights {path} are not readable as parameters by name: {error}", source
        ) from error
    if not state:
        raise DataError(f"weights {path} contain no parameters", source)
    for name, value in state.items():
        counter = str(name).endswith("num_batches_tracked")
        plain = value.layout == torch.strided and value.device.type == "cpu"
        number = value.is_floating_point() or counter
        if not (isinstance(name, str) and plain and number and torch.isfinite(value).all()):
            raise DataError(
                f"weights {path}: '{str(name)[:100]}' is a tensor of {value.dtype}, {value.layout}, or "
                "not finite, expected parameters by name",
                source,
            )
    return state


def fill(model: torch.nn.Module, state: Mapping[str, torch.Tensor], what: str) -> None:
    """Load a network's parameters; none may be missing, left over or of another shape.

    The libraries rename parameters of old files themselves (torchvision's file of 2019). Anchors and the
    mean colour may be left over: old files contain them, but they are settings.

    Raises:
        DataError: names the first differences.
    """
    try:
        missing, unknown = model.load_state_dict(state, strict=False)
    except RuntimeError as error:  # other shapes
        raise DataError(f"the weights are not those of {what}: {error}", _OTHER_WEIGHTS) from error
    unknown = [name for name in unknown if not name.startswith(_SETTINGS)]
    faults = [
        f"{len(names)} {fault} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for fault, names in (("missing", missing), ("unknown", unknown))
        if names
    ]
    if faults:
        raise DataError(
            f"the weights are not those of {what}: parameters {', '.join(faults)}", _OTHER_WEIGHTS
        )


_OTHER_WEIGHTS = "name the method's own file in segment.weights"
_SETTINGS = ("proposal_generator.anchor_generator.", "pixel_mean", "pixel_std")


class Torchvision:
    """torchvision's `maskrcnn_resnet50_fpn`; a person is label 1.

    Args:
        state: parameters by name.
        device: "cpu" or "cuda". "cuda" has not been run.
        least_score: detections of a lower confidence are left out.

    Raises:
        ConfigError: torchvision is not installed.
        DataError: the parameters are not this network's.
    """

    PERSON = 1
    FIRST_CENTRE = 0.0
    """Centre of the first pixel in a box's coordinates, for the grid inside. torchvision trains masks
    with `roi_align(aligned=False)`, in which the centre of pixel n is at n, not at n + 1/2."""

    def __init__(
        self, state: Mapping[str, torch.Tensor], device: str, least_score: float = LEAST_SCORE
    ) -> None:
        try:
            from torchvision.models.detection import MaskRCNN
            from torchvision.models.detection._utils import overwrite_eps
            from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
        except ImportError as error:
            raise _not_installed("torchvision", error) from error
        backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None)
        model = MaskRCNN(backbone, num_classes=91, box_score_thresh=least_score)
        overwrite_eps(model, 0.0)  # as torchvision does with its weights, which were trained so
        fill(model, state, "torchvision's maskrcnn_resnet50_fpn")
        self.model, self.device = model.to(device).eval(), device

    @torch.inference_mode()
    def __call__(self, pictures: list[np.ndarray]) -> list[People]:
        """The people in pictures (height, width, 3) uint8 RGB."""
        model = self.model
        images = [torch.tensor(p, device=self.device).permute(2, 0, 1) / 255 for p in pictures]
        resized, _ = model.transform(images)
        features = model.backbone(resized.tensors)
        proposals, _ = model.rpn(resized, features)
        outputs, _ = model.roi_heads(features, proposals, resized.image_sizes)
        return [
            self.people(output, size, picture.shape[:2])
            for output, size, picture in zip(outputs, resized.image_sizes, pictures, strict=True)
        ]

    @classmethod
    def people(
        cls, output: Mapping[str, torch.Tensor], resized: tuple[int, int], size: tuple[int, ...]
    ) -> People:
        """People among the detections in one picture.

        Args:
            output: `boxes` (N, 4) in the resized picture, `labels` (N,), `scores` (N,), `masks`
                (N, 1, M, M): the grids, not yet pasted.
            resized: height and width of the picture that the network was given.
            size: height and width of the video picture.
        """
        person = output["labels"] == cls.PERSON
        boxes, scores, grids = (output[key][person] for key in ("boxes", "scores", "masks"))
        return _people(boxes, scores, grids, resized, size, cls.FIRST_CENTRE)


class Detectron2:
    """detectron2's `mask_rcnn_R_50_FPN_3x`; a person is class 0. Arguments as `Torchvision`."""

    PERSON = 0
    FIRST_CENTRE = 0.5
    """The edges of the first pixel are 0 and 1, for boxes and for the grids inside them."""

    def __init__(
        self, state: Mapping[str, torch.Tensor], device: str, least_score: float = LEAST_SCORE
    ) -> None:
        try:
            from detectron2 import model_zoo
            from detectron2.data.transforms import ResizeShortestEdge
            from detectron2.modeling import build_model
        except ImportError as error:
            raise _not_installed("detectron2", error) from error
        settings = model_zoo.get_config("COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml")
        settings.MODEL.DEVICE = device
        settings.MODEL.ROI_HEADS.SCORE_THRESH_TEST = least_score
        model = build_model(settings)
        fill(model, state, "detectron2's mask_rcnn_R_50_FPN_3x")
        self.model = model.eval()
        self.resize = ResizeShortestEdge(
            [settings.INPUT.MIN_SIZE_TEST] * 2, settings.INPUT.MAX_SIZE_TEST
        )

    @torch.inference_mode()
    def __call__(self, pictures: list[np.ndarray]) -> list[People]:
        """The people in pictures (height, width, 3) uint8 RGB."""
        inputs = []
        for picture in pictures:
            blue_first = np.ascontiguousarray(picture[..., ::-1])
            resized = self.resize.get_transform(blue_first).apply_image(blue_first)
            inputs.append({"image": torch.tensor(resized.astype(np.float32).transpose(2, 0, 1))})
        outputs = self.model.inference(inputs, do_postprocess=False)
        return [
            self.people(output, picture.shape[:2])
            for output, picture in zip(outputs, pictures, strict=True)
        ]

    @classmethod
    def people(cls, output: Any, size: tuple[int, ...]) -> People:
        """People among the detections in one picture.

        Args:
            output: `Instances` before post-processing: `pred_boxes` in the resized picture (of
                `image_size`), `scores`, `pred_classes`, `pred_masks` (N, 1, M, M), the grids.
            size: height and width of the video picture.
        """
        person = output.pred_classes == cls.PERSON
        boxes, scores, grids = (
            values[person] for values in (output.pred_boxes.tensor, output.scores, output.pred_masks)
        )
        return _people(boxes, scores, grids, output.image_size, size, cls.FIRST_CENTRE)


def _people(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    grids: torch.Tensor,
    resized: tuple[int, int],
    size: tuple[int, ...],
    first_centre: float,
) -> People:
    """People with boxes in video pixels, from boxes in the resized picture; none without an area.

    Resizing keeps the outer edges of a picture, so that a place keeps its share of the picture's width.
    """
    edges = boxes.double().cpu().numpy() + (0.5 - first_centre)
    scale = np.array([size[1] / resized[1], size[0] / resized[0]])
    edges = edges * np.tile(scale, 2) - 0.5
    real = np.flatnonzero((edges[:, 2:] - edges[:, :2]).min(axis=1) > 0)
    return People(edges[real], scores.cpu().numpy()[real], grids[:, 0].float().cpu().numpy()[real])


def _not_installed(package: str, error: ImportError) -> ConfigError:
    return ConfigError(
        f"segment.method '{package}' needs the package {package} ({error})",
        f"use the environment envs/{package}.yaml (snakemake --sdm conda), or segment.method: "
        "background, which needs no network",
    )
