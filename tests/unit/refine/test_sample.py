"""Samples read from stores, and drawn from several: the planted rows, each with its own body."""

from dataclasses import replace

import numpy as np
import pytest

from jointreg import stores
from jointreg.errors import DataError, StoreError
from jointreg.refine.sample import Sample, draw_sample, load_sample
from jointreg.stores.schema import rows_digest
from jointreg.stores.schemas import CROP

CAMERAS = {
    name: {"rotation": (np.eye(3) * sign).tolist(), "translation": [float(sign), 0.0, 2.0]}
    for name, sign in (("left", 1), ("right", -1))
}


def write(folder, first, scores):
    """Stores of one sequence; frame n of camera c is marked by the number `first` + row everywhere."""
    count = len(scores)
    marks = first + np.arange(count)
    take, camera = np.zeros(count, np.int16), (np.arange(count) % 2).astype(np.int16)
    frame = (np.arange(count) // 2).astype(np.int32)
    rows = rows_digest(take, camera, frame)
    crops = np.zeros((count, CROP, CROP, 3), np.uint8)
    k = np.tile(np.eye(3), (count, 1, 1)) * marks[:, None, None]
    folder.mkdir()
    paths = [str(folder / f"{name}.zarr.zip") for name in ("frames", "masks", "bodies")]
    stores.FRAMES.write(
        paths[0],
        {
            "crops": crops,
            "joints_cam": np.tile(marks[:, None, None], (1, 17, 3)).astype(np.float32),
            "joints_px": np.zeros((count, 17, 2), np.float32),
            "crop_intrinsics": k,
            "camera": camera,
            "take": take,
            "frame": frame,
        },
        attrs={"rows": rows, "camera_names": list(CAMERAS), "cameras": CAMERAS},
    )
    masks = np.zeros((count, CROP, CROP), np.uint8) + marks[:, None, None].astype(np.uint8)
    stores.MASKS.write(
        paths[1], {"masks": masks, "score": np.array(scores, np.float32)}, attrs={"rows": rows}
    )
    stores.BODIES.write(
        paths[2],
        {
            "rotations": np.tile(np.eye(3, dtype=np.float32), (count, 24, 1, 1)),
            "betas": np.tile(marks[:, None], (1, 10)).astype(np.float32),
            "translation": np.ones((count, 3), np.float32),
        },
        attrs={"rows": rows},
    )
    return paths


def marks(sample):
    """The number of every row, after all arrays agree on it."""
    number = sample.joints_cam[:, 0, 0]
    for other in (sample.bodies["betas"][:, 0], sample.masks[:, 0, 0], sample.intrinsics[:, 0, 0]):
        np.testing.assert_array_equal(other, number)
    return number.astype(int).tolist()


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    return [
        write(folder / "one", 10, [1, 0, 0.5, 1, 0, 1]),
        write(folder / "none", 20, [0, 0]),
        write(folder / "two", 30, [0.9, 0.9, 0, 0.9]),
    ]


def test_a_sequence_has_its_moments_and_cameras(sequences):
    sample = load_sample(*sequences[0])
    assert len(sample) == 6
    assert marks(sample) == [10, 11, 12, 13, 14, 15]
    np.testing.assert_array_equal(sample.scores, np.float32([1, 0, 0.5, 1, 0, 1]))
    np.testing.assert_array_equal(sample.views.moment, [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(sample.views.translation[:, 0], [1, -1, 1, -1, 1, -1])
    picked = load_sample(*sequences[0], rows=np.array([3, 0]))
    assert marks(picked) == [13, 10]
    np.testing.assert_array_equal(picked.views.moment, [1, 0])
    np.testing.assert_array_equal(picked.views.rotation[0], -np.eye(3))


def test_joined_sequences_have_no_moment_in_common(sequences):
    one, two = (load_sample(*sequences[index]) for index in (0, 2))
    joined = Sample.joined([one, two.part(slice(1, 4)), one])
    assert marks(joined) == [*range(10, 16), 31, 32, 33, *range(10, 16)]
    np.testing.assert_array_equal(joined.scores[:6], joined.scores[-6:])
    without = Sample.joined([replace(one, scores=None), two])
    np.testing.assert_array_equal(without.scores[:6], np.ones(6))  # as None says
    moment = joined.views.moment
    np.testing.assert_array_equal(moment[:6], [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(moment[6:9] - moment[6], [0, 1, 1])
    assert not set(moment[:6]) & set(moment[6:9]) and not set(moment[6:9]) & set(moment[9:])
    np.testing.assert_array_equal(joined.views.translation[6:9, 0], [-1, 1, -1])


def test_a_draw_has_every_masked_frame_at_most_once(sequences):
    lists = list(zip(*sequences, strict=True))
    everything = draw_sample(*lists, 99, np.random.default_rng(0))
    assert marks(everything) == [10, 12, 13, 15, 30, 31, 33]
    assert everything.views is None
    draws = [marks(draw_sample(*lists, 3, np.random.default_rng(seed))) for seed in range(30)]
    assert all(len(set(draw)) == 3 and draw == sorted(draw) for draw in draws)
    assert {number for draw in draws for number in draw} == {10, 12, 13, 15, 30, 31, 33}
    assert draws[4] == marks(draw_sample(*lists, 3, np.random.default_rng(4)))


def test_sequences_without_masks_and_stores_of_other_frames_are_refused(sequences):
    frames, masks, bodies = sequences[1]
    with pytest.raises(DataError, match="no person mask in any of 1 sequences"):
        draw_sample([frames], [masks], [bodies], 5, np.random.default_rng(0))
    with pytest.raises(StoreError):
        load_sample(frames, masks, sequences[2][2])
