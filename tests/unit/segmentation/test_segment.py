"""Masks from pixels alone lie on the true outline: overlap and, above all, signed boundary bias."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from capture_scene import camera, coverage, empty_room, images, recording, walk, write_video

from jointreg import config, stores
from jointreg.errors import ConfigError, DataError, StoreError
from jointreg.frames.crops import sampler
from jointreg.frames.prepare import prepare
from jointreg.segmentation.background import background_model
from jointreg.segmentation.limbs import near_limbs
from jointreg.segmentation.quality import mask_quality, perimeter
from jointreg.segmentation.segment import SEGMENTERS, Footage, segment
from jointreg.segmentation.subtraction import person_coverage, room_of, shadow

VIEW = camera(700)
SETTINGS = config.Segment(method="background", threshold=6.0, weights="", sha256="", batch=1)
COUNT = 16


def disc(radius: float, size: int = 224, centre: tuple[float, float] = (110.3, 108.6)) -> np.ndarray:
    row, column = np.mgrid[: size * 8, : size * 8]
    distance = np.hypot((column + 0.5) / 8 - 0.5 - centre[0], (row + 0.5) / 8 - 0.5 - centre[1])
    inside = (distance <= radius).astype(np.float32)
    return cv2.resize(inside, (size, size), interpolation=cv2.INTER_AREA)


def test_perimeter_of_a_disc_and_of_a_ring():
    assert perimeter(disc(60)) == pytest.approx(2 * np.pi * 60, rel=0.005)
    assert perimeter(disc(60) - disc(30)) == pytest.approx(2 * np.pi * 90, rel=0.005)


@pytest.mark.parametrize("wider", [-2.0, -0.5, 0.0, 0.5, 2.0])
def test_the_bias_of_a_disc_that_is_too_wide_is_its_excess_radius(wider):
    overlap, bias = mask_quality(disc(60 + wider), disc(60))
    assert bias == pytest.approx(wider + wider**2 / 120, abs=0.02)
    assert overlap == pytest.approx(min((60 + wider) / 60, 60 / (60 + wider)) ** 2, abs=0.003)


def test_bytes_and_shares_are_judged_alike():
    true = disc(40)
    as_bytes = np.round(true * 255).astype(np.uint8)
    assert mask_quality(as_bytes, true) == pytest.approx((1.0, 0.0), abs=2e-3)
    with pytest.raises(DataError, match="empty"):
        mask_quality(true, np.zeros_like(true))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """One take with noise, compression and a cast shadow, the empty room and frames."""
    joints = walk(COUNT)
    pictures = images(VIEW, joints, np.random.default_rng(7), shadow=0.35)
    take = recording(write_video(tmp_path_factory.mktemp("scene") / "a.mp4", pictures), VIEW, joints)
    room = stores.Record(*background_model([take], config.Background(max_frames=COUNT)))
    frames, facts = prepare([take], config.Prepare(frame_step=3, margin_m=0.3))
    return Footage(stores.Record(frames, facts), [take], room)


def true_masks(footage):
    (take,), frames = footage.recordings, footage.frames
    return [
        sampler(VIEW, crop_k)(coverage(VIEW, take.joints_cam[number]))
        for crop_k, number in zip(frames.crop_intrinsics, frames.frame, strict=True)
    ]


def test_masks_lie_on_the_true_outline(scene, tmp_path):
    arrays, about = segment(scene, SETTINGS)
    quality = [mask_quality(m, t) for m, t in zip(arrays["masks"], true_masks(scene), strict=True)]
    overlap, bias = np.array(quality).T
    assert overlap.min() > 0.97
    assert np.abs(bias).max() < 0.15
    assert (arrays["score"] > 0.9).all()
    stores.MASKS.write(tmp_path / "masks.zarr.zip", arrays, attrs=about)
    stores.require_same_rows(
        stores.MASKS.read(tmp_path / "masks.zarr.zip"), scene.frames, "masks and frames"
    )
    again, _ = segment(scene, SETTINGS)
    assert np.array_equal(again["masks"], arrays["masks"])


def test_the_outline_does_not_move_with_the_threshold(scene):
    areas = []
    for threshold in (4.0, 9.0):
        settings = SETTINGS.model_copy(update={"threshold": threshold})
        areas.append(segment(scene, settings)[0]["masks"].sum() / 255)
    outline = sum(perimeter(mask) for mask in true_masks(scene))
    assert abs(areas[0] - areas[1]) / outline < 0.1


def test_frames_without_the_person_have_score_zero_and_an_empty_mask(scene, tmp_path):
    """The person leaves after half of the film. Who was never there is a fault of the film."""
    (take,) = scene.recordings
    empty = np.repeat(empty_room(VIEW, np.random.default_rng(5))[None], COUNT, axis=0)
    noise = np.random.default_rng(8).normal(0, 2, empty.shape)
    empty = np.clip(empty + noise, 0, 255).astype(np.uint8)
    left = images(VIEW, walk(COUNT), np.random.default_rng(7), shadow=0.35)
    left[COUNT // 2 :] = empty[COUNT // 2 :]
    leaves = recording(write_video(tmp_path / "leaves.mp4", left), VIEW, take.joints_cam)
    arrays, _ = segment(replace(scene, recordings=[leaves]), SETTINGS)
    there = scene.frames.frame < COUNT // 2
    assert np.array_equal(arrays["score"] > 0, there)
    assert not arrays["masks"][~there].any()
    gone = recording(write_video(tmp_path / "empty.mp4", empty), VIEW, take.joints_cam)
    with pytest.raises(DataError, match=r"in none of the \d+ frames"):
        segment(replace(scene, recordings=[gone]), SETTINGS)


def test_labels_beside_the_person_are_refused(scene):
    """The person walks the other way than the labels say, as by an exchanged camera."""
    (take,) = scene.recordings
    other = replace(take, joints_cam=take.joints_cam[::-1])
    frames = stores.Record(*prepare([other], config.Prepare(frame_step=3, margin_m=0.3)))
    with pytest.raises(
        DataError, match=r"camera 54138969: in \d+% of the frames(.|\n)*exchanged cameras"
    ):
        segment(Footage(frames, [other], scene.room), SETTINGS)


def test_another_person_out_of_reach_is_left_out(scene):
    (take,), room = scene.recordings, scene.room
    reach, core = near_limbs(take, 0, 0.35), near_limbs(take, 0, 0.03)
    picture = images(VIEW, take.joints_cam[:1], np.random.default_rng(7))[0]
    picture[250:450, 560:620] = (150, 40, 50)
    alpha, seen = person_coverage(
        picture,
        room_of(room.median[0], room.spread[0] / 16),
        core=core,
        reach=reach,
        pixels_per_metre=VIEW.intrinsics[0, 0] / 4.5,
        threshold=6.0,
    )
    assert seen > 0.9
    assert alpha[250:450, 560:620].max() == 0
    assert mask_quality(alpha, coverage(VIEW, take.joints_cam[0]))[0] > 0.95


def test_shadows_darken_but_keep_the_colour():
    median = empty_room(VIEW, np.random.default_rng(5)).astype(np.uint8)
    room = room_of(median, np.ones(median.shape))
    asked = np.arange(median.shape[1]) % 3 > 0
    asked = np.broadcast_to(asked, median.shape[:2])
    shade, shaded = shadow(0.7 * room.light, room, asked)
    assert np.array_equal(shaded, asked)
    assert np.abs(shade - 0.7).max() < 1e-4
    assert not shadow(0.3 * room.light, room, asked)[1].any()  # too dark: dark clothes
    assert not shadow(room.light * [0.9, 0.5, 0.5], room, asked)[1].any()  # another colour


def test_what_does_not_belong_together_is_refused(scene):
    room = scene.room
    other = stores.Record(room, room.attrs | {"camera_names": ["60457274"]})
    with pytest.raises(StoreError, match=r"has cameras 60457274, not 54138969"):
        segment(replace(scene, room=other), SETTINGS)
    with pytest.raises(DataError, match="no recording of take 1, camera 54138969"):
        segment(replace(scene, recordings=[]), SETTINGS)
    smaller = stores.Record(room, room.attrs | {"image_size": {"54138969": [640, 700]}})
    with pytest.raises(StoreError, match="640 x 700 px, its video 700 x 700 px"):
        segment(replace(scene, room=smaller), SETTINGS)
    with pytest.raises(ConfigError, match="needs a background model"):
        segment(replace(scene, room=None), SETTINGS)


def test_an_entry_in_the_table_is_a_method(scene, monkeypatch):
    """It is given the footage; rows without a score lose their mask; OpenCV has one thread meanwhile."""
    threads = []

    def halves(footage, settings, device):
        threads.append(cv2.getNumThreads())
        count = len(footage)
        masks = np.full((count, 224, 224), 7, np.uint8)
        return masks, (np.arange(count) % 2).astype(np.float32)

    monkeypatch.setitem(SEGMENTERS, "landmarker", halves)
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        arrays, facts = segment(scene, SETTINGS.model_copy(update={"method": "landmarker"}))
        assert (threads, cv2.getNumThreads()) == ([1], 2)
    finally:
        cv2.setNumThreads(before)
    assert facts == {"rows": scene.frames.attrs["rows"], "method": "landmarker"}
    odd = np.arange(len(scene)) % 2 == 1
    assert (arrays["masks"][odd] == 7).all() and not arrays["masks"][~odd].any()
