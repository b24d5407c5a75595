"""Mask R-CNN itself behind our adapters: torchvision's, and detectron2's where it can be imported.

The weights are random: what the networks say means nothing, how it comes through does. Geometry is shown
with heads that are told what to say; the rest, resizing, boxes and pasting, is the library's own.
"""

import hashlib
import pickle
import re
import time

import cv2
import numpy as np
import pytest
import torch
from capture_scene import camera, images, recording, walk, write_video

from jointreg import config, stores
from jointreg.errors import DataError
from jointreg.frames.crops import sampler
from jointreg.frames.prepare import prepare
from jointreg.geometry.camera import Camera, crop_intrinsics
from jointreg.segmentation.detections import in_crop
from jointreg.segmentation.mask_rcnn import Detectron2, Torchvision, read_weights
from jointreg.segmentation.quality import mask_quality
from jointreg.segmentation.segment import Footage, segment

pytest.importorskip("torchvision", reason="Mask R-CNN has its own environment: make test-paper-backends")

SIZE = (690, 760)
"""Height and width of the pictures: both networks see them with a shorter side of 800."""
SEEN = (800, 881)
SCALE = np.array([SEEN[1] / SIZE[1], SEEN[0] / SIZE[0]])
CENTRE, RADII, REACH = np.array([384.5, 371.9]), (62.0, 130.0), np.array([95, 150])
"""A leaning ellipse, and half the sides of the boxes about it, px."""
VIEW = Camera(
    "54138969",
    np.eye(3),
    np.zeros(3),
    np.array([[801.5, 0, 378.8], [0, 800.6, 352.1], [0, 0, 1]]),
    np.array([-0.2070989, 0.2477752, -0.0014245, -0.0009757, -0.0030752]),
    SIZE[::-1],
)
CROP_K = crop_intrinsics(VIEW.intrinsics, 190.0, 180.0, 390.0, 224)


class Told(torch.nn.Module):
    """A part of a network that says what it is told, whatever it is given."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, *given):
        return self.answer


class TorchvisionLibrary:
    """torchvision: a state dict in a .pth file, label 1."""

    adapter = Torchvision
    suffix = ".pth"
    to_continuous = 0.5  # what its boxes lack, for the grid inside, to pixels that cover n to n + 1

    def state(self):
        from torchvision.models.detection import maskrcnn_resnet50_fpn

        torch.manual_seed(0)
        model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        model.backbone.body.conv1.weight.data /= 20  # all that follows becomes milder with it
        model.roi_heads.box_predictor.cls_score.bias.data[1] = 4.0  # people everywhere
        state = model.state_dict()
        return {key: value for key, value in state.items() if "num_batches_tracked" not in key}

    def write(self, state, path):
        torch.save(state, path)

    @torch.inference_mode()
    def public(self, network, picture):
        """Boxes, scores and pasted soft masks of the people, by the library's own call."""
        (found,) = network.model([torch.tensor(picture).permute(2, 0, 1) / 255])
        person = found["labels"] == 1
        boxes, scores, masks = (found[key][person].numpy() for key in ("boxes", "scores", "masks"))
        return boxes, scores, masks[:, 0]

    def target(self, coverage, box):
        """The grid that the library trains a mask head to give for a box, from the seen coverage."""
        from torchvision.models.detection.roi_heads import project_masks_on_boxes

        return project_masks_on_boxes(coverage[None], box, torch.zeros(1), 28)

    def tell(self, network, box, grid, seen):
        heads = network.model.roi_heads
        network.model.rpn = Told(([box], {}))
        heads.box_predictor = Told((9.0 * torch.eye(91)[1:2], torch.zeros(1, 4 * 91)))
        heads.mask_predictor = Told(torch.logit(grid, 1e-6).expand(1, 91, 28, 28))


class Detectron2Library:
    """detectron2: arrays in a pickle, as its model zoo has them; class 0."""

    adapter = Detectron2
    suffix = ".pkl"
    to_continuous = 0.0

    def state(self):
        from detectron2 import model_zoo
        from detectron2.modeling import build_model

        settings = model_zoo.get_config("COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml")
        settings.MODEL.DEVICE = "cpu"
        torch.manual_seed(0)
        model = build_model(settings)
        model.backbone.bottom_up.stem.conv1.weight.data /= 500
        model.roi_heads.box_predictor.cls_score.bias.data[0] = 4.0
        return dict(model.state_dict())

    def write(self, state, path):
        arrays = {key: value.numpy() for key, value in state.items()}
        arrays["pixel_mean"] = np.zeros((3, 1, 1), np.float32)  # old files hold settings too
        wrapped = {"model": arrays, "__author__": "Detectron2 Model Zoo"}
        path.write_bytes(pickle.dumps(wrapped, protocol=2))

    @torch.inference_mode()
    def public(self, network, picture):
        """Boxes, scores and pasted soft masks of the people, by the library's own calls."""
        from detectron2.layers import paste_masks_in_image
        from detectron2.modeling.postprocessing import detector_postprocess

        picture = np.ascontiguousarray(picture[..., ::-1])
        seen = network.resize.get_transform(picture).apply_image(picture)
        image = torch.tensor(seen.transpose(2, 0, 1).astype(np.float32))
        (raw,) = network.model.inference([{"image": image}], do_postprocess=False)
        raw = raw[raw.pred_classes == 0]
        grids = raw.pred_masks[:, 0]
        found = detector_postprocess(raw, *SIZE)
        soft = paste_masks_in_image(grids, found.pred_boxes, SIZE, threshold=-1)
        return found.pred_boxes.tensor.numpy(), found.scores.numpy(), soft.numpy() / np.float32(255)

    def target(self, coverage, box):
        from detectron2.layers import ROIAlign

        rois = torch.cat([torch.zeros(1, 1), box], dim=1)
        return ROIAlign((28, 28), 1.0, 0, aligned=True)(coverage[None, None], rois)[0]

    def tell(self, network, box, grid, seen):
        from detectron2.structures import Boxes, Instances

        proposal = Instances(seen, proposal_boxes=Boxes(box), objectness_logits=torch.ones(1))
        network.model.proposal_generator = Told(([proposal], {}))
        heads = network.model.roi_heads
        heads.box_predictor.cls_score = Told(9.0 * torch.eye(81)[:1])
        heads.box_predictor.bbox_pred = Told(torch.zeros(1, 4 * 80))
        heads.mask_head.predictor = Told(torch.logit(grid, 1e-6).expand(1, 80, 28, 28))


@pytest.fixture(scope="module", params=["torchvision", "detectron2"])
def library(request):
    if request.param == "torchvision":
        return TorchvisionLibrary()
    pytest.importorskip("detectron2", reason="detectron2 is not installed; conda-forge has it")
    return Detectron2Library()


@pytest.fixture(scope="module")
def state(library, tmp_path_factory):
    """Random weights that went through the library's kind of file."""
    path = tmp_path_factory.mktemp("weights") / f"weights{library.suffix}"
    library.write(library.state(), path)
    return read_weights(path, hashlib.sha256(path.read_bytes()).hexdigest()[:8], "")


@pytest.fixture(scope="module")
def pictures():
    """Two pictures of coloured noise, (690, 760, 3) uint8."""
    coarse = np.random.default_rng(4).uniform(0, 255, (2, 23, 25, 3)).astype(np.float32)
    return [cv2.resize(picture, SIZE[::-1]).clip(0, 255).astype(np.uint8) for picture in coarse]


def test_what_the_network_says_comes_through(library, state, pictures):
    """In a batch as alone; scores and boxes are those of the library's own call."""
    network = library.adapter(state, "cpu", least_score=0.0)
    began = time.process_time()
    together = network(pictures)
    seconds = (time.process_time() - began) / len(pictures)
    print(f"{library.adapter.__name__}: {seconds:.1f} s a picture of one core, random weights")
    alone = network(pictures[1:])[0]
    boxes, scores, masks = library.public(network, pictures[1])
    assert len(alone.boxes) > 20
    for first, second in zip(together[1], alone, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(alone.scores, scores, rtol=1e-5)
    shift = 0.5 - library.to_continuous / np.array([*SCALE, *SCALE])
    np.testing.assert_allclose(alone.boxes + shift, boxes, atol=1e-3)
    assert masks.shape == (len(boxes), *SIZE)


@pytest.fixture(scope="module")
def ellipse():
    """Coverage of each pixel of a picture by a leaning ellipse, (690, 760) float32."""
    row, column = np.mgrid[: SIZE[0] * 4, : SIZE[1] * 4].astype(np.float32)
    x, y = (column + 0.5) / 4 - 0.5 - CENTRE[0], (row + 0.5) / 4 - 0.5 - CENTRE[1]
    inside = ((0.9 * x + 0.3 * y) / RADII[0]) ** 2 + ((0.9 * y - 0.3 * x) / RADII[1]) ** 2 <= 1
    return cv2.resize(inside.astype(np.float32), SIZE[::-1], interpolation=cv2.INTER_AREA)


def without_backbone(network, picture):
    """The features of one picture for every picture: the heads are told what to say anyway."""
    kept = []
    hook = network.model.backbone.register_forward_hook(lambda module, given, out: kept.append(out))
    network([picture])
    hook.remove()
    told = Told(kept[0])
    told.size_divisibility, told.padding_constraints = 32, {}
    network.model.backbone = told


def place(mask, truth):
    """Signed boundary bias of a mask, that of its half-way contour, and the shift of its centre, px."""
    row, column = np.mgrid[: mask.shape[0], : mask.shape[1]]
    centres = [np.array([(m * column).sum(), (m * row).sum()]) / m.sum() for m in (mask, truth)]
    half = (mask > 0.5).astype(np.float32)
    return [mask_quality(mask, truth)[1], mask_quality(half, truth)[1], *(centres[0] - centres[1])]


def test_a_detection_at_a_known_place_lands_on_the_right_crop_pixels(library, state, pictures, ellipse):
    """A perfect mask head, trained as the library trains it, told at boxes of many fractions of a pixel.

    Signed boundary bias under 0.1 px and the centre to 0.1 px, in crop pixels. The library's own paste
    at the size of the picture, resampled, stands beside it: torchvision's is wider, and off its place.
    """
    network = library.adapter(state, "cpu")
    without_backbone(network, pictures[0])
    seen = cv2.resize(ellipse, SEEN[::-1], interpolation=cv2.INTER_LINEAR)
    sample = sampler(VIEW, CROP_K)
    truth = sample(ellipse)
    generator = np.random.default_rng(5)
    ours, theirs = [], []
    for _ in range(8):
        low, high = CENTRE - REACH + generator.uniform(0, 1, 2), CENTRE + REACH
        box = torch.tensor([[*(low * SCALE), *(high * SCALE)]], dtype=torch.float32)
        library.tell(network, box, library.target(torch.tensor(seen), box), SEEN)
        (people,) = network(pictures[:1])
        assert people.scores == pytest.approx([1.0], abs=0.02)
        ours.append(place(in_crop(people, VIEW, CROP_K)[0], truth))
        theirs.append(place(sample(library.public(network, pictures[0])[2][0]), truth))
    for name, found in (("our reading", ours), ("the library's paste", theirs)):
        bias, half, x, y = np.mean(found, axis=0)
        print(
            f"{library.adapter.__name__}, {name}: bias {bias:+.3f} px, of the half-way contour "
            f"{half:+.3f} px, centre off by ({x:+.3f}, {y:+.3f}) px"
        )
    bias, half, x, y = np.abs(ours).max(axis=0)
    assert max(bias, x, y) < 0.1 and half < 0.2


def test_weights_of_another_network_are_refused(library, state):
    for name in ("backbone", "rpn", "proposal_generator"):
        less = {key: value for key, value in state.items() if not key.startswith(name)}
        if len(less) < len(state):
            with pytest.raises(DataError, match=rf"not those of .*missing \({name}"):
                library.adapter(less, "cpu")
    foreign = {f"module.{key}": value for key, value in state.items()}
    with pytest.raises(DataError, match=r"missing \(.*unknown \(module\."):
        library.adapter(foreign, "cpu")


def test_torchvision_file_of_2019_loads():
    """torchvision's own weights carry the names of parameters of that year."""
    state = TorchvisionLibrary().state()
    old = dict(state)
    for new, then in (
        (r"(fpn\.\w+_blocks\.\d)\.0", r"\1"),
        (r"rpn\.head\.conv\.0\.0", "rpn.head.conv"),
    ):
        old = {re.sub(new, then, name): value for name, value in old.items()}
    old = {
        re.sub(r"mask_head\.(\d)\.0", lambda m: f"mask_head.mask_fcn{int(m[1]) + 1}", name): value
        for name, value in old.items()
    }
    assert len(set(old) - set(state)) == 2 * (8 + 1 + 4)
    first, second = Torchvision(state, "cpu").model, Torchvision(old, "cpu").model
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])


def test_the_whole_stage_runs_from_a_video(library, tmp_path):
    """Random weights agree with nobody's labels: every row is there, and marked."""
    view, joints = camera(500), walk(3)
    video = write_video(tmp_path / "a.mp4", images(view, joints, np.random.default_rng(7)))
    take = recording(video, view, joints)
    frames, facts = prepare([take], config.Prepare(frame_step=2, margin_m=0.25))
    path = tmp_path / f"weights{library.suffix}"
    library.write(library.state(), path)
    settings = config.Segment(
        method=library.adapter.__name__.lower(),
        threshold=6.0,
        weights=str(path),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        batch=2,
    )
    arrays, about = segment(Footage(stores.Record(frames, facts), [take]), settings)
    stores.MASKS.write(tmp_path / "masks.zarr.zip", arrays, attrs=about)
    read = stores.MASKS.read(tmp_path / "masks.zarr.zip")
    assert read.masks.shape == (2, 224, 224)
    assert not read.score.any() and not read.masks.any()
