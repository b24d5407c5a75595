"""Diagnosis of planted errors, and the pairing of pipeline rows with the truth."""

from pathlib import Path

import numpy as np
import pytest

from jointreg import stores
from jointreg.body import Body, load_body
from jointreg.body.joints import regressed_joints
from jointreg.config import Evaluate
from jointreg.diagnosis import cases, diagnose
from jointreg.diagnosis.cases import Case
from jointreg.diagnosis.true_bodies import TrueBodies, all_true_bodies, true_bodies
from jointreg.errors import DataError, ShapeError, StoreError
from jointreg.files.csv_rows import write_rows
from jointreg.geometry.camera import Camera, crop_intrinsics
from jointreg.geometry.rotations import from_axis_angle
from jointreg.silhouette import meshes
from jointreg.synthetic import truth as truth_files

PROTOCOL = Evaluate(joints=17, root="pelvis", average="frames")
K = np.array([[260.0, 0, 111.5], [0, 260.0, 111.5], [0, 0, 1]])
COUNT = 4


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body("open")


def _bodies(seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    pose = 0.15 * generator.normal(size=(COUNT, 24, 3))
    pose[:, 0] = [np.pi, 0, 0]
    return {
        "rotations": from_axis_angle(pose).astype(np.float32),
        "betas": generator.normal(size=(COUNT, 10)).astype(np.float32),
        "translation": np.tile(np.float32([0, 0.2, 4.0]), (COUNT, 1)),
    }


@pytest.fixture(scope="module")
def true_regressor(body: Body) -> np.ndarray:
    weights = np.zeros((17, body.n_vertices))
    weights[np.arange(17), np.arange(17) * 300] = 1.0
    return weights


def _case(body: Body, true_regressor: np.ndarray, split: str) -> Case:
    """Bodies 10 cm to the right of the truth before refinement, 2 cm after; labels 5 mm lower."""
    truth = _bodies(1 if split == "train" else 2)
    crop_ks = np.tile(K, (COUNT, 1, 1))
    joints = regressed_joints(
        body, truth["rotations"], truth["betas"], {"true": true_regressor}, truth["translation"]
    )[0]
    coverage = np.round(255 * meshes.rendered(body, truth, crop_ks)).astype(np.uint8)
    shift = {
        x: truth | {"translation": truth["translation"] + np.float32([x, 0, 0])} for x in (0.1, 0.02)
    }
    unit = np.float32(np.eye(10)[0])
    return Case(
        split=split,
        frames={
            "joints_cam": joints + np.array([0, 0.005, 0]),
            "crop_intrinsics": crop_ks,
            "take": np.zeros(COUNT),
        },
        truth=TrueBodies(**truth),
        masks={"masks": coverage, "score": np.array([1.0, 1.0, 1.0, 0.0])},
        mask_method="background",
        true_masks=coverage,
        estimates={"sim_spin": shift[0.1] | {"betas": truth["betas"] + unit}, "sim_vibe": truth},
        refined={"full": shift[0.02], "no_discriminator": shift[0.1]} if split == "train" else {},
    )


@pytest.fixture(scope="module")
def means(body: Body, true_regressor: np.ndarray) -> dict[tuple[str, ...], float]:
    moved = np.roll(true_regressor, 1, axis=1)
    rows = diagnose.diagnose(
        body,
        [_case(body, true_regressor, split) for split in ("train", "test")],
        {"std": moved, "spin": moved, "opt_full": true_regressor, "opt_no_discriminator": moved},
        true_regressor,
        initial="sim_spin",
        protocol=PROTOCOL,
    ).rows
    assert all(tuple(row) == diagnose.COLUMNS for row in rows)
    keyed = {tuple(row[key] for key in diagnose.COLUMNS[:4]): row["value"] for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def test_a_perfect_regressor_has_the_labels_error_only(means: dict) -> None:
    assert means["truth", "full", "opt", "joint_error_true_joints"] == pytest.approx(0, abs=1e-3)
    assert means["truth", "full", "opt", "joint_error_labels"] == pytest.approx(5, abs=1e-3)
    # A label offset that all joints share goes with the root.
    assert means["truth", "full", "opt", "joint_error_labels_root_aligned"] == pytest.approx(0, abs=1e-3)
    assert means["truth", "-", "true", "joint_error_labels"] == pytest.approx(5, abs=1e-3)
    assert ("truth", "-", "true", "joint_error_true_joints") not in means


def test_a_wrong_regressor_is_wrong_by_the_distance_of_its_vertices(
    body: Body, true_regressor: np.ndarray, means: dict
) -> None:
    for split, suffix in (("test", ""), ("train", "_train")):
        mesh = _case(body, true_regressor, split).truth.vertices(body).astype(float)
        at = np.arange(17) * 300
        gap = mesh[:, at + 1] - mesh[:, at]
        absolute = np.linalg.norm(gap, axis=-1).mean() * 1000
        rooted = np.linalg.norm(gap - gap[:, :1], axis=-1).mean() * 1000
        name = "joint_error_true_joints"
        assert means["truth", "-", "std", name + suffix] == pytest.approx(absolute, rel=1e-4)
        key = ("truth", "-", "std", f"{name}_root_aligned{suffix}")
        assert means[key] == pytest.approx(rooted, rel=1e-4)
        if not suffix:
            gain = means["truth", "full", "opt", f"{name}_gain_over_spin"]
            assert gain == pytest.approx(absolute, rel=1e-4)


def test_body_errors_are_the_planted_ones(body: Body, means: dict) -> None:
    direction = body.shape_directions[..., 0]
    shape = np.linalg.norm(direction - direction.mean(axis=0), axis=1).mean() * 1000
    assert means["sim_spin", "-", "-", "t_pose_error"] == pytest.approx(shape, rel=1e-3)
    assert means["sim_spin", "full", "-", "t_pose_error"] == pytest.approx(0, abs=1e-3)
    assert means["sim_spin", "full", "-", "vertex_error"] == pytest.approx(20, rel=1e-4)
    assert means["sim_spin", "full", "-", "vertex_error_centred"] == pytest.approx(0, abs=2e-3)
    assert means["sim_spin", "no_discriminator", "-", "vertex_error"] == pytest.approx(100, rel=1e-4)
    initial = means["sim_spin", "-", "-", "vertex_error"]
    assert initial > 99
    assert means["sim_spin", "full", "-", "vertex_error_ratio"] == pytest.approx(20 / initial)


def test_a_fatter_body_has_its_share_more_of_volume(means: dict) -> None:
    assert means["sim_spin", "full", "-", "volume_ratio"] == pytest.approx(1, abs=1e-6)
    # The initial bodies have one more of the first beta, which adds size.
    assert 1.02 < means["sim_spin", "-", "-", "volume_ratio"] < 1.3


def test_discriminators_effect_is_negative_where_it_lowers_an_error(means: dict) -> None:
    effect = means["sim_spin", "full", "-", "vertex_error_discriminator_effect"]
    assert effect == pytest.approx(-80, rel=1e-4)


def test_bodies_overlap_their_masks_the_better_the_nearer(means: dict) -> None:
    for mask in ("mask", "true_mask"):
        name = f"rendered_iou_with_{mask}"
        before, after = means["sim_spin", "-", "-", name], means["sim_spin", "full", "-", name]
        assert before < after < 1.0


def test_methods_are_scored_with_the_true_regressor_on_held_out_frames(means: dict) -> None:
    assert means["sim_vibe", "-", "true", "mpjpe"] == pytest.approx(0, abs=1e-3)
    assert means["sim_spin", "-", "true", "mpjpe"] > 1
    assert ("sim_vibe", "-", "-", "vertex_error") not in means


def test_masks_are_judged_where_there_are_some(means: dict) -> None:
    assert means["background", "-", "-", "mask_iou"] == pytest.approx(1)
    assert means["background", "-", "-", "mask_boundary_bias"] == pytest.approx(0)
    assert means["background", "-", "-", "share_without_mask"] == pytest.approx(0.25)


def test_units_follow_the_metric(body: Body, true_regressor: np.ndarray, tmp_path: Path) -> None:
    rows = diagnose.diagnose(
        body, [_case(body, true_regressor, "train")], {"std": true_regressor}, true_regressor,
        initial="sim_spin", protocol=PROTOCOL,
    ).rows  # fmt: skip
    units = {row["metric"]: row["unit"] for row in rows}
    assert units["vertex_error"] == "mm"
    assert units["vertex_error_ratio"] == "1"
    assert units["mask_boundary_bias"] == "px"
    assert units["rendered_iou_with_mask"] == "1"
    write_rows(tmp_path / "d.csv", rows, diagnose.COLUMNS)
    lines = (tmp_path / "d.csv").read_text().splitlines()
    assert lines[0] == "method,variant,regressor,metric,value,unit"
    assert len(lines) == len(rows) + 1
    assert len(diagnose.as_text(rows).splitlines()) == len(rows) + 1


def test_rows_that_do_not_match_are_refused(body: Body, true_regressor: np.ndarray) -> None:
    case = _case(body, true_regressor, "test")
    short = {key: value[:2] for key, value in case.estimates["sim_vibe"].items()}
    wrong = Case(**(vars(case) | {"estimates": {"sim_spin": short}}))
    with pytest.raises(ShapeError, match=r"4 frames, but .*'sim_spin': 2"):
        diagnose.diagnose(
            body, [wrong], {"std": true_regressor}, true_regressor, initial="sim_spin", protocol=PROTOCOL
        )


def _frames(takes: list[str], cameras: list[str]) -> stores.Record:
    index = {
        "take": np.array([0, 0, 1, 1], np.int16),
        "camera": np.array([1, 0, 1, 0], np.int16),
        "frame": np.array([5, 5, 0, 10], np.int32),
    }
    crop_k = crop_intrinsics(CAMERA.intrinsics, left=199.5, top=99.5, side=448.0, size=224)
    return stores.Record(
        {"joints_cam": np.zeros((4, 17, 3)), "crop_intrinsics": np.tile(crop_k, (4, 1, 1)), **index},
        {"rows": stores.rows_digest(**index), "take_names": takes, "camera_names": cameras},
    )


CAMERA = Camera(
    "b",
    np.eye(3),
    np.zeros(3),
    np.array([[1000.0, 0, 500], [0, 1000.0, 500], [0, 0, 1]]),
    np.zeros(5),
    (1000, 1002),
)


def _truth_rows() -> dict[str, np.ndarray]:
    take, camera, frame = np.meshgrid(["1", "2"], ["b", "a"], np.arange(12), indexing="ij")
    return {"take": take.ravel(), "camera": camera.ravel(), "frame": frame.ravel().astype(np.int32)}


def test_true_bodies_are_matched_by_take_camera_and_frame(tmp_path: Path) -> None:
    rows = _truth_rows()
    # The translation spells the row's identity.
    positions = np.stack(
        [rows["take"].astype(float), np.char.equal(rows["camera"], "b") * 1.0, rows["frame"]], axis=1
    )
    count = len(positions)
    truth_files.write_bodies(
        tmp_path, "S9", "Walking", rows, np.zeros((count, 24, 3, 3)), np.zeros((count, 10)), positions
    )
    bodies = true_bodies(tmp_path, "S9", "Walking", _frames(["1", "2"], ["a", "b"]), {})
    np.testing.assert_array_equal(bodies.translation, [[1, 1, 5], [1, 0, 5], [2, 1, 0], [2, 0, 10]])
    with pytest.raises(DataError, match=r"no body for take, camera, frame \('3', 'b', 0\)"):
        true_bodies(tmp_path, "S9", "Walking", _frames(["1", "3"], ["a", "b"]), {})


def test_free_people_are_their_vertices_seen_by_the_rows_camera(tmp_path: Path, body: Body) -> None:
    rows = _truth_rows()
    count, frames = len(rows["take"]), 12
    own = np.zeros((count, 24, 3, 3)), np.zeros((count, 10)), np.zeros((count, 3))
    truth_files.write_bodies(tmp_path, "S9", "Walking", rows, *own)
    # Each vertex of take t and frame f lies at (t, f, vertex) in the room.
    moments = [(take, frame) for take in (1, 2) for frame in range(frames)]
    room = np.array([[[take, frame, vertex] for vertex in range(5)] for take, frame in moments], float)
    t_pose = np.arange(15.0).reshape(5, 3)
    truth_files.write_vertices(
        tmp_path, "S9", "Walking", ["1", "2"], [room[:frames], room[frames:]], t_pose
    )
    turned = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    cameras = {
        "a": Camera("a", turned, np.array([0.0, 0, 7]), *list(vars(CAMERA).values())[3:]),
        "b": Camera("b", np.eye(3), np.array([1.0, 0, 0]), *list(vars(CAMERA).values())[3:]),
    }
    seen = true_bodies(tmp_path, "S9", "Walking", _frames(["1", "2"], ["a", "b"]), cameras)
    vertices = seen.vertices(body)
    # Rows: take 1, camera b, frame 5; take 1, a, 5; take 2, b, 0; take 2, a, 10.
    np.testing.assert_array_equal(vertices[0, 3], [2, 5, 3])
    np.testing.assert_array_equal(vertices[1, 3], [-5, 1, 10])
    np.testing.assert_array_equal(vertices[2, 4], [3, 0, 4])
    np.testing.assert_array_equal(vertices[3, 4], [-10, 2, 11])
    np.testing.assert_array_equal(seen.t_pose(body), [t_pose] * 4)
    weights = np.eye(5)[:2]
    np.testing.assert_array_equal(seen.joints(body, {"J": weights})[0], vertices[:, :2])
    assert all_true_bodies(tmp_path, "S9", "Walking").vertices(body).shape == (24, 5, 3)


def test_a_free_person_is_not_taken_for_the_nearest_one(
    body: Body, true_regressor: np.ndarray, means: dict
) -> None:
    """The free person is the case's true body moved by 3 cm; the betas' body stays where it was."""
    cases_of_free = []
    for split in ("train", "test"):
        case = _case(body, true_regressor, split)
        moved = case.truth.vertices(body) + np.float32([0, 0.03, 0])
        shape = case.truth.t_pose(body)[0] + np.float32(0.01) * body.shape_directions[..., 1]
        free = TrueBodies(**vars(case.truth) | {"free_vertices": moved, "free_t_pose": shape})
        cases_of_free.append(Case(**vars(case) | {"truth": free}))
    rows = diagnose.diagnose(
        body, cases_of_free, {"opt_full": true_regressor}, true_regressor,
        initial="sim_spin", protocol=PROTOCOL,
    ).rows  # fmt: skip
    values = {tuple(row[key] for key in diagnose.COLUMNS[:4]): row["value"] for row in rows}
    # The labels are 5 mm below the betas' body, so 25 mm from the free person.
    assert values["truth", "full", "opt", "joint_error_labels"] == pytest.approx(25, abs=1e-3)
    assert values["sim_spin", "full", "-", "vertex_error"] == pytest.approx(np.hypot(20, 30), rel=1e-4)
    assert (
        values["sim_spin", "full", "-", "t_pose_error"] > means["sim_spin", "full", "-", "t_pose_error"]
    )


def test_true_masks_are_cut_as_the_crops_are(tmp_path: Path) -> None:
    rows = _truth_rows()
    # Left edge at column 300 or 400 by camera: 50 or 100 crop pixels from the crop's edge at 200.
    boxes = [(300 if camera == "a" else 400, 200, 100, 60) for camera in rows["camera"]]
    full = [np.full((60, 100), 255, np.uint8) for _ in boxes]
    truth_files.write_masks(tmp_path, "S9", "Walking", rows, boxes, full)
    cameras = {"a": CAMERA, "b": CAMERA}
    masks = cases.true_masks(tmp_path, "S9", "Walking", _frames(["1", "2"], ["a", "b"]), cameras)
    for mask, left in zip(masks, (100, 50, 100, 50), strict=True):
        expected = np.zeros((224, 224), np.uint8)
        expected[50:80, left : left + 50] = 255
        np.testing.assert_array_equal(mask, expected)


def test_stores_of_other_rows_are_refused(tmp_path: Path) -> None:
    from jointreg.datasets.human36m.metadata import CAMERAS, write_metadata

    frames = _frames(["1", "2"], ["a", "b"])
    everything = {
        "crops": np.zeros((4, 224, 224, 3), np.uint8),
        "joints_px": np.zeros((4, 17, 2), np.float32),
        **{key: frames[key] for key in ("take", "camera", "frame", "crop_intrinsics")},
        "joints_cam": frames["joints_cam"].astype(np.float32),
    }
    stores.FRAMES.write(tmp_path / "prepare/S9/Walking.zarr.zip", everything, attrs=frames.attrs)
    bodies = {key: value[:4] for key, value in _bodies(0).items()}
    path = tmp_path / "estimate/sim_spin/S9/Walking.zarr.zip"
    stores.BODIES.write(path, bodies, attrs={"rows": "another", "method": "sim_spin"})
    rig = [Camera(name, *list(vars(CAMERA).values())[1:]) for name in CAMERAS]
    write_metadata(tmp_path / "metadata.xml", {9: rig}, {(14, 1): {9: "Walking"}})
    with pytest.raises(StoreError, match="diagnose, S9/Walking"):
        list(
            cases.load_cases(
                {"S9/Walking": "test"},
                tmp_path,
                tmp_path / "metadata.xml",
                frames=[tmp_path / "prepare/S9/Walking.zarr.zip"],
                masks=[],
                estimates=[path],
                refined=[],
            )
        )
