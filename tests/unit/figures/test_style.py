"""Figures are legible: contrast, told apart in grey and with any colour vision, type and width."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from planted_tables import PAPER, planted_tables

from jointreg.body import load_body
from jointreg.figures import curves, error_dots, mesh, overlays, style
from jointreg.figures.learning_curve import learning_curves
from jointreg.figures.panels import DrawnBody, DrawnFrame

GRAPHICS, TEXT = 3.0, 4.5
"""WCAG 2.2, success criteria 1.4.11 and 1.4.3: least contrast."""
APART = 1.25
"""Ratio of luminances (0.05 added) that is seen in grey."""

# Machado, Oliveira, Fernandes 2009, severity 1; on linear RGB.
COLOUR_BLIND = {
    "protanopia": [
        *(0.152286, 1.052583, -0.204868),
        *(0.114503, 0.786281, 0.099216),
        *(-0.003882, -0.048116, 1.051998),
    ],
    "deuteranopia": [
        *(0.367322, 0.860646, -0.227968),
        *(0.280085, 0.672501, 0.047413),
        *(-0.011820, 0.042940, 0.968881),
    ],
    "tritanopia": [
        *(1.255528, -0.076749, -0.178779),
        *(-0.078411, 0.930809, 0.147602),
        *(0.004733, 0.691367, 0.303900),
    ],
}


def linear(colour):
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one, other="white"):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    """CIELAB of linear RGB under D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    scaled = np.maximum(xyz / [0.9505, 1.0, 1.089], 0)
    f = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_is_that_of_the_standard():
    assert contrast("black") == pytest.approx(21)
    assert contrast("#767676") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colour", [*style.SERIES, *style.COLOURS.values()])
def test_colours_stand_out_from_white_or_have_a_black_rim(colour):
    rimmed = colour in {style.COLOURS[name] for name in style.OUTLINED}
    assert contrast(colour) >= GRAPHICS or (rimmed and contrast(colour, "black") >= TEXT)


def test_series_differ_in_grey_or_in_shape():
    lines = [style.line_look(k) for k in range(32)]
    points = [style.shape_look(k) for k in range(24)]
    marks = [style.regressor_look(name) for name in style.MARKERS]
    for looks, shape in ((lines, "linestyle"), (points, "marker"), (marks, "marker")):
        for one, other in combinations(looks[:6], 2):
            apart = contrast(one["color"], other["color"]) >= APART
            assert apart or one[shape] != other[shape], (one, other)
        assert len({(look["color"], look[shape]) for look in looks}) == len(looks)


@pytest.mark.parametrize("vision", COLOUR_BLIND)
def test_regressors_and_bodies_differ_with_any_colour_vision(vision):
    """At least 10 CIELAB units between what stands side by side; 2.3 are just seen."""
    matrix = np.array(COLOUR_BLIND[vision]).reshape(3, 3)
    for names in (
        ("std", "spin", "opt"),
        ("initial", "refined"),
        ("initial", "joint"),
        ("mask", "label"),
    ):
        seen = [lab(np.clip(matrix @ linear(style.COLOURS[name]), 0, 1)) for name in names]
        for one, other in combinations(seen, 2):
            assert np.linalg.norm(one - other) > 10, names


def example(bodies):
    """A frame with a person in the middle, and the same body under some names."""
    rows, columns = np.mgrid[:64, :64]
    covered = (np.hypot(columns - 32, (rows - 32) / 2) < 12).astype(float)
    joints = np.random.default_rng(4).uniform(20, 44, (17, 2))
    body = DrawnBody(covered, np.stack([covered, covered], axis=2), joints + 1)
    crop, mask = np.zeros((64, 64, 3), np.uint8), (255 * covered).astype(np.uint8)
    title = "S11 WalkTogether\ncamera 54138969, frame 1234"
    return DrawnFrame(title, crop, mask, joints, dict.fromkeys(bodies, body))


def drawn():
    """Every kind of figure."""
    pair = example(["initial", "refined"])
    yield overlays.overlay([pair, pair], "S11, WalkTogether")
    yield overlays.ablations([example(["initial", "full", "no_discriminator", "no_silhouette"])] * 3)
    yield overlays.teaser(pair)
    yield overlays.triplets([pair] * 3)
    yield overlays.joint_estimates([example(["std", "opt"])] * 5)
    tables, methods = planted_tables(real=False)
    body = load_body("open")
    weights = np.zeros((17, body.n_vertices))
    weights[np.arange(17), np.arange(17) * 400] = 1
    steps = np.array([0, 10, 20])
    energies = np.random.default_rng(1).gamma(2.0, size=(50, 3, 4))
    rows = np.random.default_rng(2).uniform(5, 20, 12)
    fits = {
        "metric": np.repeat(["fitted", "held_out"], 6), "n_subjects": np.tile([1, 2, 5], 4),
        "fraction": np.tile([0.5, 0.5, 0.5, 1, 1, 1], 2), "frames": np.tile([10, 20, 50, 20, 40, 99], 2),
        "value_mm": rows,
    }  # fmt: skip
    yield error_dots.table_1_plot(tables["table_1"], methods, PAPER)
    yield error_dots.errors_by(tables["by_joint"], "joint", methods)
    yield error_dots.errors_by(tables["by_action"], "action", methods)
    yield curves.energy_curves({f"variant_{k}": (steps, energies) for k in range(8)})
    yield curves.discriminator_curves(
        {"full": curves.DiscriminatorTraining(np.ones((2, 4)), np.ones((2, 2)))}
    )
    yield learning_curves(pd.DataFrame(fits))
    yield mesh.regressor_support(
        body.template, body.faces, dict.fromkeys(["std", "spin", "opt", "recommended"], weights)
    )
    joints = weights @ body.template
    yield mesh.joint_marks(body.template, body.faces, {"std": joints, "true": joints})
    yield mesh.errors_on_body(body.template, body.faces, joints, {"std": np.full(17, 60.0)})


def test_figures_fit_a_paper_in_two_columns_and_no_text_is_small_pale_or_cut():
    for figure in drawn():
        with mpl.rc_context(style.STYLE):  # ticks are made when they are drawn
            FigureCanvasAgg(figure).draw()
        width, height = figure.get_size_inches()
        assert width <= style.PAGE_IN + 1e-6 and height <= style.PAGE_HEIGHT_IN
        edge = figure.bbox.padded(1)
        for text in texts_of(figure):
            assert style.SMALL_PT * 0.7 <= text.get_fontsize() <= 9  # exponents are 0.7 of their number
            assert contrast(text.get_color()) >= TEXT
            box = text.get_window_extent()
            inside = edge.x0 <= box.x0 and box.x1 <= edge.x1 and edge.y0 <= box.y0 and box.y1 <= edge.y1
            assert inside, text.get_text()


def texts_of(figure):
    """Every text that is drawn; ticks beyond the ends of their axis are not."""
    found = [text for legend in figure.legends for text in legend.get_texts()] + figure.texts
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        found += [axes.title, *axes.texts]
        for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            if axes.axison:
                ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
                found += [axis.label, axis.get_offset_text()]
                found += [t.label1 for t in ticks if min(ends) <= t.get_loc() <= max(ends)]
    return [text for text in found if text.get_visible() and text.get_text().strip()]
