"""A detection painted at a known place lands there in the crop, and nobody else's mask is taken."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from capture_scene import camera, coverage, images, recording, walk, write_video
from scipy.ndimage import map_coordinates

from jointreg import config, stores
from jointreg.frames.crops import person_intrinsics, sampler
from jointreg.frames.prepare import prepare
from jointreg.segmentation.detections import People, in_crop, label_agreement, labelled_person
from jointreg.segmentation.mask_rcnn import Detectron2, Torchvision
from jointreg.segmentation.quality import mask_quality
from jointreg.segmentation.segment import Footage, segment_people

VIEW = replace(camera(700), size=(760, 690))
SEEN = (800, 881)
"""Height and width of a 690 x 760 picture as both networks see it: the shorter side 800."""
CELLS = 28


def ellipse(size, centre, radii, fine=4):
    """Coverage of each pixel of a picture (height, width) by a leaning ellipse, float32."""
    height, width = size
    row, column = np.mgrid[: height * fine, : width * fine]
    x = (column + 0.5) / fine - 0.5 - centre[0]
    y = (row + 0.5) / fine - 0.5 - centre[1]
    inside = (0.9 * x + 0.3 * y) ** 2 / radii[0] ** 2 + (0.9 * y - 0.3 * x) ** 2 / radii[1] ** 2 <= 1
    return cv2.resize(inside.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)


def cell_means(picture, box, first_centre, fine=16):
    """What a perfect mask head says of a box: the mean of the picture in each cell of the box.

    `first_centre` is where in the box's coordinates the centre of the first pixel lies.
    """
    steps = (np.arange(CELLS * fine) + 0.5) / (CELLS * fine)
    x = box[0] + steps * (box[2] - box[0]) - first_centre
    y = box[1] + steps * (box[3] - box[1]) - first_centre
    values = map_coordinates(picture, np.meshgrid(y, x, indexing="ij"), order=1)
    return values.reshape(CELLS, fine, CELLS, fine).mean(axis=(1, 3)).astype(np.float32)


class Fields:
    """Named values, as detectron2's `Instances` and `Boxes` are."""

    def __init__(self, **values):
        self.__dict__ |= values


def from_torchvision(box, grid):
    found = {
        "boxes": torch.tensor(np.array([[5, 5, 60, 60], box]), dtype=torch.float32),
        "labels": torch.tensor([0, 1]),  # 0 is nothing at all
        "scores": torch.tensor([0.99, 0.9]),
        "masks": torch.tensor(np.stack([np.ones_like(grid), grid]))[:, None],
    }
    return Torchvision.people(found, SEEN, VIEW.size[::-1])


def from_detectron2(box, grid):
    found = Fields(
        pred_boxes=Fields(tensor=torch.tensor(np.array([[5, 5, 60, 60], box]), dtype=torch.float32)),
        pred_classes=torch.tensor([1, 0]),  # 1 is a bicycle
        scores=torch.tensor([0.99, 0.9]),
        pred_masks=torch.tensor(np.stack([np.ones_like(grid), grid]))[:, None],
        image_size=SEEN,
    )
    return Detectron2.people(found, VIEW.size[::-1])


def centre_of(mask):
    row, column = np.mgrid[: mask.shape[0], : mask.shape[1]]
    return np.array([(mask * column).sum(), (mask * row).sum()]) / mask.sum()


@pytest.mark.parametrize(("adapter", "first_centre"), [(from_torchvision, 0.0), (from_detectron2, 0.5)])
@pytest.mark.parametrize("shift", [0.0, 0.3, 0.71])
def test_a_painted_detection_lands_on_the_right_crop_pixels(adapter, first_centre, shift):
    """Through the resized picture, the box, the lens and the crop: width and place to 0.1 px."""
    joints = walk(3)[1]
    crop_k = person_intrinsics(joints, VIEW.intrinsics, 0.25)
    scale = np.array([SEEN[1] / VIEW.size[0], SEEN[0] / VIEW.size[1]])
    centre, radii = np.array([384.2, 371.7]) + shift, np.array([62.0, 130.0])
    whole = ellipse(VIEW.size[::-1], centre, radii)
    truth = sampler(VIEW, crop_k)(whole)
    seen = cv2.resize(whole, SEEN[::-1], interpolation=cv2.INTER_LINEAR)
    reach = np.array([90, 150])
    box = np.concatenate([(centre - reach + 0.2) * scale, (centre + reach + 0.4) * scale])
    people = adapter(box, cell_means(seen, box, first_centre))
    assert len(people.boxes) == 1 and people.scores[0] == pytest.approx(0.9)
    (mask,) = in_crop(people, VIEW, crop_k)
    bias = mask_quality(mask, truth)[1]
    sharp = mask_quality((mask > 0.5).astype(np.float32), truth)[1]
    assert abs(bias) < 0.05
    assert abs(sharp) < 0.15
    assert np.abs(centre_of(mask) - centre_of(truth)).max() < 0.05


def test_boxes_without_an_area_are_left_out():
    found = {
        "boxes": torch.tensor([[50.0, 50, 50, 90], [20, 20, 60, 60]]),
        "labels": torch.tensor([1, 1]),
        "scores": torch.tensor([0.9, 0.8]),
        "masks": torch.ones(2, 1, 28, 28),
    }
    people = Torchvision.people(found, SEEN, VIEW.size[::-1])
    assert people.scores == pytest.approx([0.8])
    assert len(people.boxes) == len(people.grids) == 1


def test_a_grid_is_read_as_written():
    """Cell centres hold the cell's value, half-way lies the mean, and it ends half a cell outside."""
    view = replace(VIEW, distortion=np.zeros(5), intrinsics=np.eye(3), size=(224, 224))
    grid = np.random.default_rng(0).uniform(size=(1, 7, 7)).astype(np.float32)
    people = People(np.array([[9.5, 19.5, 72.5, 82.5]]), np.ones(1), grid)  # cells of 9 px
    mask = in_crop(people, view, np.eye(3))[0]
    assert mask[24, 14] == pytest.approx(grid[0, 0, 0], abs=1e-6)
    assert mask[51, 41] == pytest.approx(grid[0, 3, 3], abs=1e-6)
    assert mask[51, 45:47].mean() == pytest.approx(grid[0, 3, 3:5].mean(), abs=1e-6)
    assert mask[51, 9:11].mean() == pytest.approx(grid[0, 3, 0] / 2, abs=1e-6)  # the edge
    assert not mask[:, :6].any() and not mask[:16].any()
    assert mask.sum() == pytest.approx(81 * grid.sum(), rel=1e-5)


def test_nothing_is_seen_beyond_the_picture():
    view = replace(VIEW, distortion=np.zeros(5), intrinsics=np.eye(3), size=(100, 120))
    people = People(np.array([[30.0, 30, 99.5, 119.5]]), np.ones(1), np.ones((1, 28, 28), np.float32))
    mask = in_crop(people, view, np.eye(3))[0]
    assert mask[60, 98] == pytest.approx(1, abs=0.35) and mask[60, 99] > 0
    assert not mask[:, 100:].any() and not mask[120:].any()


COUNT = 9


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Footage of a take, its pictures, and everybody's coverage of every picture."""
    joints = walk(COUNT)
    view = camera(500)
    pictures = images(view, joints, np.random.default_rng(7))
    take = recording(write_video(tmp_path_factory.mktemp("scene") / "a.mp4", pictures), view, joints)
    frames, facts = prepare([take], config.Prepare(frame_step=2, margin_m=0.5))
    own = [coverage(view, pose) for pose in joints]
    other = [coverage(view, pose + np.array([0.55, 0.0, 0.3])) for pose in joints]
    return Footage(stores.Record(frames, facts), [take]), pictures, own, other


def detected(*masks, scores=None):
    """What a detector with fine grids says of full-size masks."""
    people = []
    for mask in masks:
        rows, columns = np.flatnonzero(mask.max(axis=1)), np.flatnonzero(mask.max(axis=0))
        box = np.array([columns[0] - 0.7, rows[0] - 0.6, columns[-1] + 0.7, rows[-1] + 0.6])
        people.append((box, cell_means(mask, box + 0.5, 0.5)))
    scores = np.linspace(0.99, 0.6, len(masks)) if scores is None else np.array(scores)
    boxes, grids = (np.stack([person[part] for person in people]) for part in (0, 1))
    return People(boxes, scores, grids)


def planted(scene, answer):
    """A network that recognises the frame and answers `answer(own, other)` of its masks."""
    *_, pictures, own, other = scene

    def network(seen):
        numbers = [int(np.abs(pictures.astype(int) - p).mean(axis=(1, 2, 3)).argmin()) for p in seen]
        return [answer(own[number], other[number]) for number in numbers]

    return network


def true_masks(scene):
    footage, _, own, _ = scene
    (take,), frames = footage.recordings, footage.frames
    return [
        sampler(take.camera, crop_k)(own[number])
        for crop_k, number in zip(frames.crop_intrinsics, frames.frame, strict=True)
    ]


@pytest.mark.parametrize("batch", [1, 3])
def test_rows_get_the_mask_of_their_frame_whatever_the_batch(scene, batch):
    """Grids of 28 cells round off thin limbs; area and place stay."""
    network = planted(scene, lambda own, other: detected(own))
    masks, score = segment_people(scene[0], network, batch)
    assert score == pytest.approx(np.full(5, 0.99))
    for mask, truth in zip(masks, true_masks(scene), strict=True):
        overlap, bias = mask_quality(mask, truth)
        assert overlap > 0.70
        assert abs(bias) < 0.1
        assert np.abs(centre_of(mask) - centre_of(truth)).max() < 0.1


@pytest.mark.parametrize("scores", [[0.99, 0.6], [0.6, 0.99]])
def test_a_second_person_never_wins(scene, scores):
    """However sure the network is of somebody else: the labelled person's mask and score are taken."""
    network = planted(scene, lambda own, other: detected(own, other, scores=scores))
    masks, score = segment_people(scene[0], network, 2)
    alone, _ = segment_people(scene[0], planted(scene, lambda own, other: detected(own)), 2)
    assert score == pytest.approx(np.full(5, scores[0]))
    assert np.array_equal(masks, alone)


def test_where_only_somebody_else_is_found_the_row_is_marked(scene):
    """Score 0 and an empty mask, the row stays; likewise where nobody is found."""
    nobody = People(np.empty((0, 4)), np.empty(0), np.empty((0, 28, 28), np.float32))
    for answer in (lambda own, other: detected(other), lambda own, other: nobody):
        masks, score = segment_people(scene[0], planted(scene, answer), 2)
        assert masks.shape == (5, 224, 224)
        assert not masks.any() and not score.any()


def test_a_mask_of_two_people_yields_to_that_of_the_labelled_one(scene):
    network = planted(scene, lambda own, other: detected(np.maximum(own, other), own))
    _, score = segment_people(scene[0], network, 2)
    assert score == pytest.approx(np.full(5, 0.6))


def test_agreement_of_half_a_person_is_half():
    joints_px = np.array([[112.0, 20 + 10 * n] for n in range(17)])
    whole = np.zeros((2, 224, 224), np.float32)
    whole[0, 10:190, 100:124] = whole[1, 10:190, 112:124] = 1
    assert label_agreement(whole, joints_px, 100.0) == pytest.approx([1, 0.5], abs=0.1)
    assert labelled_person(whole, joints_px, 100.0) == 0
    assert labelled_person(0.4 * whole, joints_px, 100.0) is None
