"""The page in a real browser: offline, silent, sorted, printed, saved, without JavaScript, legible."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from jointreg.regressor import load_regressor

PROBES = (Path(__file__).parent / "probes.js").read_text()


@pytest.mark.parametrize("width", [360, 1280])
def test_it_opens_offline_without_a_word_and_without_scrolling_sideways(open_page, planted, width):
    page = open_page(viewport={"width": width, "height": 800}, offline=True)
    page.wait_for_timeout(500)
    assert page.said == []
    assert [url for url in page.asked if not url.startswith("data:")] == [planted.path.as_uri()]
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.select_option("#pose", index=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_timeout(200)
    frames = page.locator(".wide").all()
    scrolls = [one.evaluate("one => one.scrollWidth > one.clientWidth") for one in frames]
    assert [one.get_attribute("tabindex") == "0" for one in frames] == scrolls
    assert any(scrolls) == (width == 360)
    broken = "[...document.images].filter(one => one.naturalWidth === 0).length"
    assert page.evaluate(broken) == 0
    assert page.locator("figure.picture img").count() == 2


def test_a_table_sorts_by_value_both_ways_and_nothing_goes_last(open_page):
    page = open_page()
    page.click("#table-sorted > summary")
    assert page.locator("#table-sorted strong").inner_text() == "printed form"
    page.click("#table-sorted details summary")
    names = page.locator("#table-sorted .sortable tbody td:first-child").all_inner_texts
    assert names() == ["b", "a", "d", "c", "e"]
    button = page.get_by_role("button", name="value mm")
    button.click()
    assert names() == ["a", "b", "e", "c", "d"]
    assert page.get_attribute("#table-sorted .sortable th:nth-child(2)", "aria-sort") == "ascending"
    button.focus()
    page.keyboard.press("Enter")
    assert names() == ["c", "e", "b", "a", "d"]
    page.get_by_role("button", name="name", exact=True).click()
    assert names() == ["a", "b", "c", "d", "e"]


def test_it_says_which_regressor_the_truth_and_which_mpjpe_prefers(open_page):
    page = open_page()
    text = page.inner_text(".finding")
    assert "Nearest to the truth is J_opt" in text
    assert "15.5 mm off, against 21.0 mm for J_std and 25.0 mm for J_spin" in text
    assert "MPJPE would have chosen J_spin" in text
    assert page.locator(".answer tbody .best").all_inner_texts() == ["58.5", "35.1", "15.5"]


def test_files_come_out_as_they_went_in(open_page, planted, tmp_path):
    page = open_page()
    for name in ("J_opt_full.npy", "J_opt_full.npz", "J_opt_full.npy.json", "J_opt_full.npz.json"):
        with page.expect_download() as saved:
            page.get_by_role("link", name=name, exact=True).click()
        assert saved.value.suggested_filename == name
        saved.value.save_as(tmp_path / name)
    for name in ("J_opt_full.npy", "J_opt_full.npz"):
        weights = load_regressor(tmp_path / name).weights
        assert np.array_equal(weights, planted.regressors["opt_full"].weights)


def test_it_prints_its_tables_and_its_picture(open_page, tmp_path):
    page = open_page()
    page.wait_for_timeout(500)
    whole = len(page.pdf())
    paper = tmp_path / "report.pdf"
    page.evaluate("document.getElementById('canvas').style.visibility = 'hidden'")
    without = len(page.pdf())
    page.evaluate("document.getElementById('canvas').style.visibility = ''")
    page.pdf(path=paper, format="A4")
    assert whole - without > 5000, "the body is not on the paper"
    if shutil.which("pdftotext") is None:
        assert paper.stat().st_size > 20_000
        return
    text = subprocess.run(["pdftotext", "-layout", paper, "-"], capture_output=True, text=True).stdout
    for words in (
        "sim_spin",
        "64.0",
        "58.9",
        "printed form",
        "15.50",
        "Time and memory by rule",
        "Configuration",
    ):
        assert words in text, words
    assert "120.25" not in text  # the same table as data
    assert "Go to joint" not in text


def test_without_javascript_it_is_a_document(open_page):
    page = open_page(java_script_enabled=False)
    for words in ("120.25", "12.5 mm", "Turning the body needs JavaScript", "optimize"):
        assert page.get_by_text(words, exact=False).first.is_visible(), words
    assert page.locator("figure.picture img").first.is_visible()
    assert not page.locator("#joint").is_visible()


def test_every_control_has_a_name_and_shows_the_focus(open_page):
    page = open_page()
    page.select_option("#pose", index=1)
    controls = page.evaluate(f"{PROBES}.controls()")
    assert len(controls) > 20
    for name, focused, label, outline in controls:
        assert focused and label and outline >= 2, (name, focused, label, outline)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page, scheme, width):
    """WCAG 2 AA for text: 4.5 to 1."""
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 844})
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.click("#to-joint")
    found = page.evaluate(f"{PROBES}.contrast()")
    assert len(found) > 100
    assert min(found)[0] >= 4.5, min(found)


def brightness(page, selector):
    """Mean of the red, green and blue of an element's own ground, 0 to 255."""
    colour = f"getComputedStyle(document.querySelector('{selector}')).backgroundColor"
    return np.mean([int(part) for part in re.findall(r"\d+", page.evaluate(colour))[:3]])


def test_in_the_dark_the_page_is_dark_and_what_is_drawn_is_not(open_page):
    """Marks and labels are drawn in colours for a light ground."""
    page = open_page(color_scheme="dark")
    assert brightness(page, "body") < 50 and brightness(page, ".tools") < 60
    for drawn in (".stage", "figure.picture img", "#compare .mark"):
        assert brightness(page, drawn) > 180, drawn
    page.emulate_media(media="print")
    assert brightness(page, "body") == 255, "paper is white"


def test_on_a_phone_frames_that_scroll_say_so_and_the_result_comes_first(open_page):
    sign = "getComputedStyle(one, '::before').content"
    for width, some in ((390, True), (1280, False)):
        page = open_page(viewport={"width": width, "height": 844})
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        page.wait_for_timeout(300)
        frames = page.locator(".wide").all()
        scrolls = [one.evaluate("one => one.scrollWidth > one.clientWidth") for one in frames]
        signs = ["sideways" in one.evaluate(f"one => {sign}") for one in frames]
        assert signs == scrolls and any(scrolls) == some
        overlay = page.locator("#overlay .wide")
        left = overlay.evaluate("one => [one.scrollLeft, one.scrollWidth - one.clientWidth]")
        assert abs(left[0] - left[1]) <= 1, "the refined body is the last panel"
        assert (left[0] > 100) == some
