"""Overlays show bodies, joints and overlaps where they are; shaded bodies look as a lit body does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jointreg.body import load_body
from jointreg.figures import overlays, panels, shading, style
from jointreg.figures.panels import DrawnBody, DrawnFrame
from jointreg.figures.saving import save
from jointreg.silhouette.meshes import mesh_coverage

VARIANTS = ("full", "no_discriminator", "no_silhouette")


def disc(x: float, y: float, radius: float, side: int = 64) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    return (np.hypot(columns - x, rows - y) < radius).astype(float)


def drawn(covered: np.ndarray, joints: np.ndarray, brightness: float = 1.0) -> DrawnBody:
    return DrawnBody(covered, np.stack([np.full(covered.shape, brightness), covered], axis=2), joints)


@pytest.fixture
def example() -> DrawnFrame:
    """A person with radius 20 on black; the initial body is a disc of half the radius."""
    joints = np.random.default_rng(0).uniform(20, 44, (17, 2))
    return DrawnFrame(
        title="take 1, camera 54138969, frame 5",
        crop=np.zeros((64, 64, 3), np.uint8),
        mask=(255 * disc(32, 32, 20)).astype(np.uint8),
        labels_px=joints,
        bodies={
            "initial": drawn(disc(32, 32, 10), joints + 5),
            "refined": drawn(disc(32, 32, 20), joints + 1),
        },
    )


@pytest.fixture
def ablated(example: DrawnFrame) -> DrawnFrame:
    refined = dict.fromkeys(VARIANTS, example.bodies["refined"])
    return replace(example, bodies={"initial": example.bodies["initial"], **refined})


def titles(figure: Figure) -> list[str]:
    figure.canvas.draw()
    return [axis.get_title() for axis in figure.axes if axis.get_visible()]


def joints_of(axis: Axes) -> list[np.ndarray]:
    return [np.stack(line.get_data(), axis=1) for line in axis.lines if line.get_marker() == "o"]


def test_overlap_is_that_of_the_discs(example: DrawnFrame) -> None:
    quarter = disc(32, 32, 10).sum() / disc(32, 32, 20).sum()
    assert example.iou("initial") == pytest.approx(quarter)
    assert example.iou("refined") == 1
    assert replace(example, mask=np.zeros((64, 64), np.uint8)).iou("refined") == 0


def test_overlay_states_the_overlap_of_each_body(example: DrawnFrame) -> None:
    figure = overlays.overlay([example, example], "S9 Walking")
    quarter = disc(32, 32, 10).sum() / disc(32, 32, 20).sum()
    line = ["take 1, camera 54138969, frame 5", f"initial, IoU {quarter:.2f}", "refined, IoU 1.00"]
    assert titles(figure) == line * 2


def test_overlay_draws_labels_and_joints_where_they_are(example: DrawnFrame) -> None:
    axis = overlays.overlay([example]).axes[1]
    labels, joints = joints_of(axis)
    np.testing.assert_allclose(labels, example.labels_px)
    np.testing.assert_allclose(joints, example.bodies["initial"].joints_px)
    assert axis.get_xlim() == (-0.5, 63.5)
    assert axis.get_ylim() == (63.5, -0.5)


def test_overlay_takes_an_empty_mask(example: DrawnFrame) -> None:
    nothing = replace(example, mask=np.zeros((64, 64), np.uint8))
    assert "refined, IoU 0.00" in titles(overlays.overlay([nothing]))


def test_ablations_have_a_panel_for_the_input_and_every_body(ablated: DrawnFrame) -> None:
    figure = overlays.ablations([ablated, ablated])
    overlaps = [f"{ablated.iou(name):.3f}" for name in ("initial", *VARIANTS)]
    names = ["initial", "full", "no discriminator", "no silhouette"]
    stated = [f"{name}: {overlap}" for name, overlap in zip(names, overlaps, strict=True)]
    assert titles(figure) == ["input", *stated] * 2
    for panel, body in zip(figure.axes[1:5], ablated.bodies.values(), strict=True):
        labels, joints = joints_of(panel)
        np.testing.assert_allclose(labels, ablated.labels_px)
        np.testing.assert_allclose(joints, body.joints_px)


def test_many_bodies_take_two_lines_and_hide_the_empty_panel(example: DrawnFrame) -> None:
    bodies = {"initial": example.bodies["initial"]}
    bodies |= {f"variant_{k}": example.bodies["refined"] for k in range(7)}
    figure = overlays.ablations([replace(example, bodies=bodies)])
    assert len(figure.axes) == 10
    assert len(titles(figure)) == 9
    edges = [axis.get_position() for axis in figure.axes]
    assert edges[0].y0 > edges[5].y1  # the second line lies below the first


@pytest.mark.parametrize("variants", [3, 8])
def test_ablations_show_as_many_examples_as_fit_on_a_page(example: DrawnFrame, variants: int) -> None:
    bodies = {"initial": example.bodies["initial"]}
    bodies |= {f"variant_{k}": example.bodies["refined"] for k in range(variants)}
    figure = overlays.ablations([replace(example, bodies=bodies)] * 9)
    shown = titles(figure).count("input")
    width, height = figure.get_size_inches()
    one_more = (height - overlays.LEGEND_IN) / shown
    assert width == style.PAGE_IN
    assert height <= style.PAGE_HEIGHT_IN < height + one_more


def test_ablations_show_one_scale_around_each_person(ablated: DrawnFrame) -> None:
    """A small person in a corner and a large one in the middle: windows of one size, all inside."""
    corner = replace(
        ablated,
        mask=(255 * disc(6, 50, 8)).astype(np.uint8),
        bodies={name: drawn(disc(6, 50, 8), ablated.labels_px) for name in ablated.bodies},
    )
    figure = overlays.ablations([ablated, corner])
    around = 2 * panels.AROUND_PX
    extent = np.ptp(np.argwhere(disc(32, 32, 20)), axis=0) + 1 + around
    for axis in figure.axes:
        (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
        assert (right - left, bottom - top) == tuple(extent)
        assert min(left, top) >= -0.5
        assert max(right, bottom) <= 63.5
    assert figure.axes[5].get_xlim()[0] == -0.5
    assert figure.axes[5].get_ylim()[0] == 63.5


def test_a_shaded_body_has_its_colour_where_it_covers(ablated: DrawnFrame) -> None:
    """Brightness 1/2 over black at the panel's opacity, nothing where the body is not."""
    half = drawn(disc(32, 32, 15), ablated.labels_px, brightness=0.5)
    figure = overlays.ablations([replace(ablated, bodies=dict.fromkeys(ablated.bodies, half))])
    picture = figure.axes[2].images[1].get_array()
    colour = [int(style.COLOURS["refined"][k : k + 2], 16) / 255 for k in (1, 3, 5)]
    np.testing.assert_allclose(picture[32, 32, :3], np.array(colour) / 2, atol=1e-6)
    assert picture[32, 32, 3] == panels.OPACITY
    assert picture[32, 60, 3] == 0


def test_teaser_shows_input_initial_and_refined_in_one_column(example: DrawnFrame) -> None:
    figure = overlays.teaser(example)
    assert titles(figure) == ["input", "initial", "refined"]
    assert figure.get_size_inches()[0] == style.COLUMN_IN
    for axis, name in zip(figure.axes[1:], ("initial", "refined"), strict=True):
        labels, joints = joints_of(axis)
        np.testing.assert_allclose(labels, example.labels_px)
        np.testing.assert_allclose(joints, example.bodies[name].joints_px)


def test_triplets_show_crop_mask_and_body_of_every_example(example: DrawnFrame) -> None:
    other = replace(example, mask=255 - example.mask)
    figure = overlays.triplets([example, other, example])
    assert titles(figure) == ["input", "mask", "render"] * 3  # the fourth place is hidden
    shown = [axis.images[0].get_array() for axis in figure.axes[:9]]
    np.testing.assert_array_equal(shown[1], example.mask)
    np.testing.assert_array_equal(shown[4], other.mask)
    render = figure.axes[2].images[1].get_array()
    np.testing.assert_allclose(render[..., 3], example.bodies["refined"].covered)
    windows = {(np.ptp(axis.get_xlim()), np.ptp(axis.get_ylim())) for axis in figure.axes[:9]}
    assert len(windows) == 1


def test_joint_estimates_are_where_each_regressor_reads_them(example: DrawnFrame) -> None:
    read = {"std": example.bodies["initial"], "opt": example.bodies["refined"]}
    figure = overlays.joint_estimates([replace(example, bodies=read)])
    marks = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    expected = [read["std"].joints_px, read["opt"].joints_px, example.labels_px]
    for line, joints in zip(marks, expected, strict=True):
        np.testing.assert_allclose(line.get_xydata(), joints)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["J_std", "J_opt", "labelled joint"]


def test_ablations_give_the_same_bytes(tmp_path: Path, ablated: DrawnFrame) -> None:
    for name in ("a.png", "b.png"):
        save(overlays.ablations([ablated]), tmp_path / name, dpi=60)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_shading_covers_what_the_exact_silhouette_covers() -> None:
    """Two renderers: a z-buffer over all faces and the areas under the contour agree."""
    body = load_body("open")
    turned = body.template * np.array([1, -1, -1]) + np.array([0.1, 0.0, 3.0])
    camera = np.array([[[300.0, 0, 112], [0, 300, 112], [0, 0, 1]]])
    (shade,) = shading.shaded(turned[None], body.faces, camera)
    (exact,) = mesh_coverage(turned[None].astype(np.float32), body.faces, camera)
    zoom = shading.ZOOM
    shown = shade[..., 1].reshape(224, zoom, 224, zoom).mean(axis=(1, 3))
    assert exact.sum() > 3000
    assert shown.sum() == pytest.approx(exact.sum(), rel=2e-3)
    assert np.abs(shown - exact).max() < 0.35  # samples against areas, in one pixel


def test_a_sphere_is_lit_from_the_camera_and_from_above_left() -> None:
    from matplotlib.tri import Triangulation

    rows, columns = np.mgrid[0 : np.pi : 41j, 0 : 2 * np.pi : 81j]
    ring = np.sin(rows)  # poles above and below, the seam on the far side
    points = np.stack([ring * np.sin(columns), np.cos(rows), ring * np.cos(columns)], -1).reshape(-1, 3)
    faces = Triangulation(rows.ravel(), columns.ravel()).triangles
    outward = np.linalg.det(points[faces]) > 0
    faces = np.where(outward[:, None], faces, faces[:, ::-1])
    camera = np.array([[[100.0, 0, 31.5], [0, 100, 31.5], [0, 0, 1]]])
    (shade,) = shading.shaded(points[None] + np.array([0, 0, 5.0]), faces, camera, size=64)
    light = shade[..., 0]
    near, above_left, below_right = light[64, 64], light[48, 52], light[80, 76]
    assert above_left > near > below_right
    towards = np.array([-0.5, -0.7, -0.5]) / np.linalg.norm([0.5, 0.7, 0.5])
    expected = shading.AMBIENT + 0.45 + 0.35 * -towards[2]
    assert near == pytest.approx(expected, abs=0.01)
