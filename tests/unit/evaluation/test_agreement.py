"""Rendered bodies against masks and labels, with planted agreement and disagreement."""

import numpy as np
import pytest

from jointreg.body import Body, load_body
from jointreg.body.joints import regressed_joints
from jointreg.errors import ShapeError
from jointreg.evaluation import agreement
from jointreg.geometry.camera import project_pinhole
from jointreg.geometry.rotations import from_axis_angle
from jointreg.regressor import Regressor
from jointreg.silhouette import meshes
from jointreg.stores import Record

K = np.array([[260.0, 0, 111.5], [0, 260.0, 111.5], [0, 0, 1]])


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body("open")


@pytest.fixture(scope="module")
def bodies(body: Body) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    pose = 0.1 * generator.normal(size=(3, 24, 3))
    pose[:, 0] = [np.pi, 0, 0]
    return {
        "rotations": from_axis_angle(pose).astype(np.float32),
        "betas": generator.normal(size=(3, body.n_betas)).astype(np.float32),
        "translation": np.tile(np.float32([0, 0.2, 4.0]), (3, 1)),
    }


def _filled_area(points: np.ndarray, faces: np.ndarray, fine: int) -> float:
    """Area in pixels by filling triangles on a finer grid."""
    import cv2

    canvas = np.zeros((224 * fine, 224 * fine), np.uint8)
    for triangle in np.round((points[faces] + 0.5) * fine - 0.5).astype(np.int32):
        cv2.fillConvexPoly(canvas, triangle, 1)
    return canvas.sum() / fine**2


def test_rendered_area_is_the_area_of_filled_triangles(body: Body, bodies: dict) -> None:
    coverage = meshes.rendered(body, bodies, np.tile(K, (3, 1, 1)))
    assert coverage.shape == (3, 224, 224)
    points = project_pinhole(body.vertices(**bodies), np.tile(K, (3, 1, 1)))[2]
    # Filling includes outlines, half a fine pixel too much all around: extrapolate to none.
    area = 2 * _filled_area(points, body.faces, 8) - _filled_area(points, body.faces, 4)
    assert coverage[2].sum() == pytest.approx(area, rel=0.004)


def test_iou_on_sets_known_by_hand() -> None:
    coverage = np.zeros((3, 10, 10), np.float32)
    masks = np.zeros((3, 10, 10), np.uint8)
    coverage[0, :, :6] = 1
    masks[0, :, 4:] = 255
    coverage[1, :5] = 0.49  # Under one half: not there.
    masks[1, :5] = 255
    overlap = agreement.mask_iou(coverage, masks)
    np.testing.assert_allclose(overlap[:2], [20 / 100, 0.0])
    assert np.isnan(overlap[2])
    with pytest.raises(ShapeError):
        agreement.mask_iou(coverage, masks[:2])


def test_rows_of_bodies_that_fit_and_of_bodies_that_are_moved(body: Body, bodies: dict) -> None:
    generator = np.random.default_rng(1)
    regressor = np.zeros((17, body.n_vertices))
    for row in regressor:
        row[generator.choice(body.n_vertices, 10, replace=False)] = 0.1
    joints = regressed_joints(
        body, bodies["rotations"], bodies["betas"], {"a": regressor}, bodies["translation"]
    )[0]
    crop_ks = np.tile(K, (3, 1, 1))
    coverage = meshes.rendered(body, bodies, crop_ks)
    frames = {
        "joints_cam": joints,
        "joints_px": project_pinhole(joints, crop_ks),
        "crop_intrinsics": crop_ks,
    }
    frames["camera"] = np.array([0, 1, 1])
    masks = {"masks": np.round(255 * coverage).astype(np.uint8), "score": np.array([1.0, 0.0, 1.0])}
    moved = bodies | {"translation": bodies["translation"] + np.float32([0.1, 0, 0])}
    frames = Record(frames, {"rows": "x", "camera_names": ["left", "right"]})
    sets = {"initial": [Record(moved, {"rows": "x"})], "full": [Record(bodies, {"rows": "x"})]}
    rows = agreement.agreement_rows(
        body, [(frames, Record(masks, {"rows": "x"}))], sets, Regressor(regressor)
    )
    value = {(row["bodies"], row["camera"], row["quantity"]): row["value"] for row in rows}
    assert value["full", "all", "rendered_iou"] > 0.995
    assert value["full", "all", "reprojection"] < 1e-3
    assert value["full", "all", "joint_distance"] < 1e-3
    assert value["initial", "all", "joint_distance"] == pytest.approx(100, abs=0.01)
    # 10 cm at 4 m under a focal length of 260 px.
    assert value["initial", "all", "reprojection"] == pytest.approx(6.5, rel=0.05)
    assert value["initial", "all", "rendered_iou"] < 0.7
    counts = {row["camera"]: row["frames"] for row in rows if row["quantity"] == "rendered_iou"}
    assert counts == {"all": 2, "left": 1, "right": 1}
