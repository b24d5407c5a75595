"""The body in a real browser: what it draws and prints against the regressors' own numbers."""

import io

import numpy as np
import pytest
from page_files import FRAMES, distances_mm
from PIL import Image

from jointreg.skeleton import H36M_17


def picture(page):
    """Pixels of the canvas once it rests, (H, W, 3)."""
    page.wait_for_timeout(300)
    return np.asarray(
        Image.open(io.BytesIO(page.locator("#canvas").screenshot())).convert("RGB")
    ).astype(int)


def changed(before, after):
    """Pixels that differ."""
    return int((np.abs(before - after).max(axis=-1) > 8).sum())


def cells(page, table):
    """Text of the cells of a table's body."""
    lines = page.locator(f"#{table} tbody tr").all()
    return [[text.strip() for text in line.locator("td").all_inner_texts()] for line in lines]


def choose(page, joint, regressor="J_opt"):
    page.select_option("#joint", label=joint.replace("_", " "))
    page.select_option("#regressor", label=regressor)


def test_mouse_keyboard_and_touch_turn_it(open_page):
    page = open_page(has_touch=True)
    page.locator("#canvas").scroll_into_view_if_needed()
    page.click("[data-view=front]")
    front = picture(page)
    box = page.locator("#canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 20, steps=4)
    page.mouse.up()
    assert changed(front, picture(page)) > 3000
    page.click("[data-view=front]")
    assert changed(front, picture(page)) == 0
    page.focus("#canvas")
    page.keyboard.press("ArrowRight")
    turned = picture(page)
    assert changed(front, turned) > 3000
    page.keyboard.press("ArrowLeft")
    assert changed(front, picture(page)) < 100
    page.keyboard.press("+")
    assert changed(front, picture(page)) > 3000
    page.keyboard.press("-")
    devtools = page.context.new_cdp_session(page)
    before = picture(page)
    for kind, dx in (("touchStart", 0), ("touchMove", 30), ("touchMove", 80), ("touchEnd", None)):
        points = [] if dx is None else [{"x": x + dx, "y": y}]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert changed(before, picture(page)) > 3000
    assert not page.said


@pytest.mark.parametrize(
    ("name", "label"), [("std", "J_std"), ("spin", "J_spin"), ("opt_full", "J_opt")]
)
def test_a_joint_shows_the_vertices_and_weights_of_its_regressor(open_page, planted, name, label):
    page = open_page()
    before = picture(page)
    choose(page, "right_wrist", label)
    assert changed(before, picture(page)) > 50
    row = planted.regressors[name].weights[H36M_17.index("right_wrist")]
    order = np.argsort(-row)[: np.count_nonzero(row)]
    shown = cells(page, "weights")
    assert [int(line[0]) for line in shown] == order.tolist()
    assert [line[1] for line in shown] == [f"{weight:.4f}" for weight in row[order]]
    printed = {line[0]: line[1:] for line in cells(page, "compare")}
    assert printed[label][0] == str(len(order))
    assert float(printed[label][1]) == pytest.approx(1 / np.sum(row**2), abs=0.006)


def test_the_regressors_lie_as_far_apart_as_they_do(open_page, planted, body):
    page = open_page()
    choose(page, "left_knee", "J_opt")
    joint = H36M_17.index("left_knee")
    points = {name: one.apply(body.template)[joint] for name, one in planted.regressors.items()}
    printed = {line[0]: line[3] for line in cells(page, "compare")}
    for name, label in (("std", "J_std"), ("spin", "J_spin")):
        apart = 1000 * np.linalg.norm(points[name] - points["opt_full"])
        assert float(printed[label]) == pytest.approx(apart, abs=0.15)
    assert printed["J_opt"] == "\u2013"


def test_dots_lie_on_the_vertices(open_page, planted, body):
    """From the front the picture is the template's x and y; J_opt's dots are green where they lie."""
    page = open_page()
    choose(page, "head_top")
    page.click("[data-view=front]")
    pixels = picture(page)
    row = planted.regressors["opt_full"].weights[H36M_17.index("head_top")]
    middle = (body.template.min(axis=0) + body.template.max(axis=0)) / 2
    scale = min(pixels.shape[:2]) / 1.92
    heaviest = np.argsort(-row)[:2]
    for x, y, _ in (body.template[heaviest] - middle) * scale:
        red, green, _ = pixels[round(pixels.shape[0] / 2 - y), round(pixels.shape[1] / 2 + x)]
        assert green > red + 10
    choose(page, "head_top", "J_std")
    other = picture(page)
    assert changed(pixels, other) > 50


def test_stepping_through_frames_shows_other_bodies_and_their_distances(open_page, planted):
    page = open_page()
    choose(page, "right_knee", "J_spin")
    page.select_option("#pose", label="S1 Walking, camera 1")
    page.check("#sets input[value=true]")
    first = picture(page)
    page.click("#next")
    assert changed(first, picture(page)) > 3000
    assert page.inner_text("#frame-name") == f"2 of {FRAMES} (frame 10)"
    joint = H36M_17.index("right_knee")
    for align in (False, True):
        page.set_checked("#align", align)
        printed = {line[0]: line[1:] for line in cells(page, "distances")}
        assert set(printed) == {"initial", "refined", "true"}
        for kind, (one, mean) in printed.items():
            off = distances_mm(planted.regressors["spin"], planted.clip, kind, 1, align=align)
            assert float(one) == pytest.approx(off[joint], abs=0.3)
            assert float(mean) == pytest.approx(off.mean(), abs=0.3)
    page.focus("#frame")
    page.keyboard.press("End")
    assert page.inner_text("#frame-name") == f"{FRAMES} of {FRAMES} (frame {10 * (FRAMES - 1)})"
    page.click("#previous")
    page.uncheck("#sets input[value=initial]")
    assert [line[0] for line in cells(page, "distances")] == ["true", "refined"]
    assert not page.said


def test_the_picture_goes_to_the_joint(open_page):
    page = open_page()
    whole = picture(page)
    page.click("#to-joint")
    assert page.get_attribute("#to-joint", "aria-pressed") == "true"
    near = picture(page)
    assert changed(whole, near) > 10000
    page.click("#to-joint")
    assert changed(whole, picture(page)) < 100


def test_vertices_far_from_their_joint_are_explained(open_page, planted, body):
    """The planted regressors read vertices anywhere on the body."""
    page = open_page()
    choose(page, "left_hip")
    row = planted.regressors["opt_full"].weights[H36M_17.index("left_hip")]
    apart = np.linalg.norm(body.template - row @ body.template, axis=1)[row > 0]
    far, share = apart > 0.25, 100 * row[row > 0][apart > 0.25].sum() / row.sum()
    text = page.inner_text("#far")
    assert far.any() and text.startswith(
        f"{far.sum()} of these vertices, with {share:.1f} % of the weight"
    )
    assert f"up to {100 * apart.max():.0f} cm" in text
    assert "fit_regressor.candidates_m" in page.inner_text("#body")
