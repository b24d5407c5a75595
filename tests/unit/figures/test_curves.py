"""Curves show the numbers they are given, tell their lines apart, and leave out what is not there."""

import numpy as np
import pandas as pd
import pytest

from jointreg.diagnosis.variants import variant_rows
from jointreg.figures import curves


def energies(frames: int = 50, terms: int = 3) -> np.ndarray:
    """Energies of frames over three iterations; terms behind the first `terms` are off."""
    found = np.random.default_rng(1).gamma(2.0, size=(frames, 3, 4))
    found[..., terms:] = 0
    return found


ITERATIONS = np.array([0, 10, 20])


def test_energies_are_medians_and_absent_terms_have_no_line() -> None:
    full, without = energies(), energies(terms=2)
    figure = curves.energy_curves(
        {"full": (ITERATIONS, full), "no_discriminator": (ITERATIONS, without)}
    )
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), np.median(full[..., 1], axis=0))
    assert [len(axis.lines) for axis in figure.axes] == [2, 2, 1]


def test_keypoints_have_a_panel_where_a_variant_has_the_term() -> None:
    reference = energies(terms=4)
    figure = curves.energy_curves({"full": (ITERATIONS, energies()), "ref": (ITERATIONS, reference)})
    assert [axis.get_title() for axis in figure.axes] == list(curves.TERM_TITLES)
    (line,) = figure.axes[3].lines
    np.testing.assert_allclose(line.get_ydata(), np.median(reference[..., 3], axis=0))


def test_ten_variants_have_ten_lines_that_differ() -> None:
    figure = curves.energy_curves({f"v{k}": (ITERATIONS, energies()) for k in range(10)})
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(figure.axes[0].lines) == len(looks) == 10
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [f"v{k}" for k in range(10)]


def test_discriminator_losses_are_joined_and_rounds_marked() -> None:
    losses = np.array([[0.6, 0.5, 0.4], [0.7, 0.45, 0.42]])
    right = np.array([[0.7, 0.8], [0.6, 0.55]])
    figure = curves.discriminator_curves({"full": curves.DiscriminatorTraining(losses, right)})
    loss, initial, refined = figure.axes
    undecided, curve, border = loss.lines
    assert list(undecided.get_ydata()) == [0.5, 0.5]
    np.testing.assert_allclose(curve.get_ydata(), losses.ravel())
    assert list(curve.get_xdata()) == [0, 1, 2, 2, 3, 4]  # two steps a round; it ends where one begins
    assert list(border.get_xdata()) == [2, 2]
    assert loss.get_ylim()[1] > 0.7
    np.testing.assert_allclose(initial.lines[0].get_ydata(), right[:, 0])
    np.testing.assert_allclose(refined.lines[0].get_ydata(), right[:, 1])
    assert list(refined.lines[0].get_xdata()) == [1, 2]


@pytest.mark.parametrize("rounds", [1, 2, 10])
def test_rounds_are_counted_in_whole_numbers(rounds: int) -> None:
    training = curves.DiscriminatorTraining(np.full((rounds, 3), 0.4), np.full((rounds, 2), 0.7))
    figure = curves.discriminator_curves({"full": training})
    figure.canvas.draw()
    ticks = [tick for tick in figure.axes[1].get_xticks() if 0.5 <= tick <= rounds + 0.5]
    assert ticks
    assert all(tick == round(tick) for tick in ticks)


def test_no_discriminator_gives_empty_panels() -> None:
    assert [len(axis.lines) for axis in curves.discriminator_curves({}).axes] == [1, 1, 1]


def table(clusters: int) -> pd.DataFrame:
    """Three variants on `clusters` clusters of four frames; `worse` is 3 mm worse, `same` is not."""
    generator = np.random.default_rng(2)
    full, noise = generator.uniform(10, 20, (2, 4 * clusters))
    values = {
        ("full", "vertex_error"): full,
        ("worse", "vertex_error"): full + 3 + 0.01 * noise,
        ("same", "vertex_error"): full + noise - noise.mean(),
    }
    return pd.DataFrame(variant_rows(values, np.repeat(np.arange(clusters), 4), {"vertex_error": "mm"}))


def test_changes_are_dots_with_intervals_filled_where_0_is_outside() -> None:
    found = table(9)
    axis, *others = curves.variant_changes(found).axes
    assert not any(other.get_visible() for other in others)
    assert [label.get_text() for label in axis.get_yticklabels()] == ["worse", "same"]
    dots = [line for line in axis.lines if line.get_marker() == "o"]
    spans = [line.get_xdata() for line in axis.lines if line.get_marker() != "o"][1:]
    rows = found.set_index("bodies").loc[["worse", "same"]]
    np.testing.assert_allclose([dot.get_xdata()[0] for dot in dots], rows["change_from_full"])
    np.testing.assert_allclose(spans, rows[["change_low", "change_high"]])
    assert [dot.get_markerfacecolor() == "white" for dot in dots] == [False, True]


@pytest.mark.parametrize("clusters", [1, 7])
def test_few_clusters_give_hollow_dots_without_intervals(clusters: int) -> None:
    axis = curves.variant_changes(table(clusters)).axes[0]
    zero, *dots = axis.lines
    assert list(zero.get_xdata()) == [0, 0]
    assert len(dots) == 2
    assert all(dot.get_markerfacecolor() == "white" for dot in dots)
