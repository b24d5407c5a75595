"""The learning curve falls as least squares must; sums of parts are the whole; pictures show it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from jointreg.body.model import part_of
from jointreg.config import FitLearningCurve
from jointreg.diagnosis.learning_curve import true_errors
from jointreg.diagnosis.true_bodies import TrueBodies
from jointreg.exchange.placement import expected_joints
from jointreg.figures.learning_curve import learning_curves
from jointreg.metrics import joint_errors
from jointreg.regressor import Regressor, fit
from jointreg.regressor import learning_curve as module
from jointreg.regressor.learning_curve import (
    COLUMNS,
    Fit,
    fit_arrays,
    learning_curve,
    read_fits,
    subsets,
)
from jointreg.skeleton import H36M_17
from jointreg.stores import LEARNING_CURVE, Record

SUBJECTS = ("S1", "S5", "S6", "S7", "S8")
FRACTIONS = (0.1, 0.3, 1.0)
EACH = 200
"""Frames a subject, in two sequences."""
USED = 6
"""Vertices a joint of the planted regressor."""
NOISE_M = 0.002
"""So small that weights stay positive, and the fit is plain least squares."""
DRAWS = 10
"""Data sets whose mean is compared with the theory: 85 weights of one scatter by sqrt(2 / 85) = 15 %."""


@pytest.fixture(scope="module")
def small(body):
    """Every fifteenth vertex of the open body, and those that carry its skeleton."""
    chosen = body.joint_regressor.any(axis=0)
    chosen[::15] = True
    return part_of(body, np.flatnonzero(chosen))


@pytest.fixture(scope="module")
def planted(small):
    generator, weights = np.random.default_rng(1), np.zeros((17, small.n_vertices))
    for row, centre in zip(weights, expected_joints(small), strict=True):
        near = np.argsort(np.linalg.norm(small.template - centre, axis=1))[:12]
        row[generator.choice(near, USED, replace=False)] = generator.dirichlet(np.full(USED, 20.0))
    return weights


@pytest.fixture(scope="module")
def training(small, planted, make_bodies):
    """Subject, bodies and labels of each sequence; 2 mm of noise on a label, all people alike."""
    return filmed(small, planted, make_bodies, seed=2)


def filmed(small, planted, make_bodies, seed):
    """Bodies and noise of one seed."""
    generator, sequences = np.random.default_rng(seed), []
    for subject in SUBJECTS * 2:
        rotations, betas, translation = make_bodies(generator, EACH // 2, 0.5)
        bodies = {"rotations": rotations, "betas": betas, "translation": translation}
        joints = planted @ small.vertices(**bodies).astype(np.float64)
        joints += generator.normal(0, NOISE_M / np.sqrt(3), joints.shape)
        sequences.append(
            (subject, Record(bodies, {"rows": ""}), Record({"joints_cam": joints}, {"rows": ""}))
        )
    return sequences


@pytest.fixture(scope="module")
def settings(open_config, planted, tmp_path_factory):
    """On the support of the planted regressor the fit is plain least squares, no weight being near 0."""
    path = tmp_path_factory.mktemp("support") / "J.npy"
    np.save(path, planted)
    return open_config.fit_regressor_opt.model_copy(update={"support": str(path)})


def curve(small, training, settings, fractions=FRACTIONS, seed=3):
    """Fits and table of the training sequences."""
    subjects = [subject for subject, *_ in training]
    pairs = [(bodies, frames) for _, bodies, frames in training]
    whole = Regressor(np.zeros((17, small.n_vertices)))  # says what frames weigh in robust fits only
    generator = np.random.default_rng(seed)
    fits, rows = learning_curve(small, pairs, subjects, whole, settings, fractions, generator)
    return fits, pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.fixture(scope="module")
def whole_curve(small, training, settings):
    return curve(small, training, settings)


def test_curves_follow_the_theory_of_least_squares(small, planted, make_bodies, settings):
    """n frames are 3 n equations for 6 weights, less one for their sum. With k = 5 / (3 n) mean squares
    are: on frames of the fit s^2 (1 - k), on others s^2 (1 + k), and from the fit to N frames, which
    hold the n, s^2 (k_n - k_N)."""
    tables = [
        curve(small, filmed(small, planted, make_bodies, seed), settings)[1] for seed in range(DRAWS)
    ]
    table = pd.concat(tables)
    squares = table.assign(value=(table["value_mm"] / 1e3 / NOISE_M) ** 2)
    means = squares.groupby(["metric", "frames"])["value"].mean()
    share = {frames: (USED - 1) / (3 * frames) for frames in table["frames"].unique()}
    everything = len(SUBJECTS) * EACH
    for frames in sorted(share)[:-1]:
        ratio = means["from_all", frames] / (share[frames] - share[everything])
        assert ratio == pytest.approx(1, abs=0.15)
    for frames in (200, 400, 800):  # whole subjects: each is in the fit and held out equally often
        gap = means["held_out", frames] - means["fitted", frames]
        assert gap == pytest.approx(2 * share[frames], rel=0.15)
    assert means["held_out", 800] == pytest.approx(1, abs=0.02)


def test_more_frames_and_more_subjects_never_raise_the_curves(whole_curve):
    _, table = whole_curve
    for metric in ("held_out", "from_all"):
        means = table[table["metric"] == metric].groupby(["n_subjects", "fraction"])["value_mm"].mean()
        of_sizes = means.unstack("fraction")
        assert (of_sizes.diff(axis=1).iloc[:, 1:].dropna() < 0).all(axis=None)
        assert (of_sizes[list(FRACTIONS[:-1])].diff().iloc[1:].dropna() < 0).all(axis=None)


def test_sums_of_subjects_are_the_fit_to_their_frames(small, training, whole_curve, settings):
    """The pass that deals frames to fractions loses none: whole subjects are as if fitted alone."""
    fits, table = whole_curve
    unseen = training[0][1]
    posed = small.vertices(unseen.rotations, unseen.betas)
    for wanted in (("S6",), ("S1", "S7"), SUBJECTS):
        (one,) = [each for each in fits if (each.subjects, each.fraction) == (wanted, 1)]
        own = [(bodies, frames) for subject, bodies, frames in training if subject in wanted]
        alone = fit(small, own, settings)
        assert one.frames == alone.about["frames"] == EACH * len(wanted)
        assert np.abs(alone.apply(posed) - one.weights @ posed).max() < 1e-6
        row = table[(table["subset"] == "+".join(wanted)) & (table["fraction"] == 1)]
        residual = np.sqrt(np.square(alone.about["absolute_residual_rms_mm"]).mean())
        value = row.set_index("metric").loc["fitted", "value_mm"]
        assert value == pytest.approx(residual, abs=1e-3)


def test_held_out_is_the_distance_on_the_other_subjects_bodies(small, training, whole_curve):
    fits, table = whole_curve
    one = next(each for each in fits if (each.subjects, each.fraction) == (("S5", "S8"), 0.1))
    errors = [
        joint_errors(one.weights @ small.vertices(**bodies), frames.joints_cam, None)
        for subject, bodies, frames in training
        if subject not in one.subjects
    ]
    row = table[(table["subset"] == "S5+S8") & (table["fraction"] == 0.1)].set_index("metric")
    expected = 1e3 * np.sqrt(np.square(np.concatenate(errors)).mean())
    assert row.loc["held_out", "value_mm"] == pytest.approx(expected, abs=0.01)


def test_rows_are_complete_and_small_sets_part_of_large_ones(whole_curve, small, training, settings):
    fits, table = whole_curve
    assert len(fits) == (5 + 10 + 5 + 1) * len(FRACTIONS)
    assert set(table["n_subjects"]) == {1, 2, 4, 5}
    expected = table["n_subjects"] * table["fraction"] * EACH
    assert np.array_equal(table["frames"], expected.round())
    everything = table[table["n_subjects"] == len(SUBJECTS)]
    assert "held_out" not in set(everything["metric"])
    assert len(everything[everything["metric"] == "from_all"]) == len(FRACTIONS) - 1
    # A single frame of 200: the smallest fraction of anything is one frame.
    lone, _ = curve(small, training, settings, fractions=(0.001, 1.0))
    assert {each.frames for each in lone if each.fraction == 0.001} == {1, 2, 4, 5}
    # Fractions are beginnings of one order of the frames: what is between two does not matter.
    again, _ = curve(small, training, settings, fractions=(0.1, 1.0))
    both = [each.weights for each in fits if each.fraction == 0.1]
    for one, other in zip(both, [each.weights for each in again if each.fraction == 0.1], strict=True):
        assert np.abs(one - other).max() < 1e-9
    other, _ = curve(small, training, settings, fractions=(0.1, 1.0), seed=4)
    assert np.abs(other[0].weights - again[0].weights).max() > 1e-3


@pytest.mark.parametrize("option", [{"translation": "eliminated"}, {"robust": "huber"}])
def test_settings_of_the_fit_are_kept(small, training, settings, option):
    changed = settings.model_copy(update=option)
    pairs = [(bodies, frames) for _, bodies, frames in training]
    subjects = [subject for subject, *_ in training]
    whole = fit(small, pairs, changed)
    fits, _ = learning_curve(small, pairs, subjects, whole, changed, (1.0,), np.random.default_rng(0))
    posed = small.vertices(training[0][1].rotations, training[0][1].betas)
    # Robust frames weigh what they weighed in the fit to all, which is one pass less.
    assert np.abs(fits[-1].weights @ posed - whole.apply(posed)).max() < 2e-4


def test_vertices_are_thinned_and_mirrored(body, make_bodies, open_config):
    symmetric = open_config.fit_regressor_opt.model_copy(update={"symmetric": True})
    whole = replace(body, mirror=body.mirror)
    generator, pairs = np.random.default_rng(5), []
    for _ in range(2):
        rotations, betas, translation = make_bodies(generator, 20)
        bodies = {"rotations": rotations, "betas": betas, "translation": translation}
        joints = expected_joints(body) + translation[:, None]
        pairs.append((Record(bodies, {"rows": ""}), Record({"joints_cam": joints}, {"rows": ""})))
    fits, _ = learning_curve(
        whole,
        pairs,
        ["a", "b"],
        Regressor(np.zeros((17, body.n_vertices))),
        symmetric,
        (1.0,),
        generator,
    )
    used = np.flatnonzero(np.any([each.weights.any(axis=0) for each in fits], axis=0))
    assert np.array_equal(np.sort(body.mirror[used]), used)
    step = -(-body.n_vertices // module.MOST_VERTICES)
    assert ((used % step == 0) | (body.mirror[used] % step == 0)).all()


def test_subsets_are_all_or_drawn():
    generator = np.random.default_rng(0)
    assert subsets(["a"], generator) == [("a",)]
    assert subsets(["a", "b"], generator) == [("a",), ("b",), ("a", "b")]
    assert [len(s) for s in subsets("abc", generator)] == [1] * 3 + [2] * 3 + [3]
    many = subsets([f"S{k}" for k in range(30)], generator)
    assert [len(s) for s in many] == [1] * 10 + [2] * 10 + [29] * 10 + [30]
    assert len(set(many)) == len(many)


def test_true_errors_are_means_over_frames_and_joints(small, planted, make_bodies):
    """The true regressor has none; one that is off by a third of a hand is off by that."""
    shifted = np.roll(planted, 1, axis=1)
    fits = [Fit(("S1",), 1.0, 3, planted), Fit(("S1", "S5"), 0.5, 4, shifted)]
    films = []
    for seed, count in ((0, 5), (1, 9)):
        rotations, betas, translation = make_bodies(np.random.default_rng(seed), count)
        films.append(TrueBodies(rotations, betas, translation))
    rows = true_errors(small, fits, films, planted)
    value = {(row["subset"], row["metric"]): row["value_mm"] for row in rows}
    assert value["S1", "true_joints"] == pytest.approx(0, abs=1e-3)
    assert value["S1", "true_joints_root_aligned"] == pytest.approx(0, abs=1e-3)
    away = np.concatenate([(shifted - planted) @ film.vertices(small) for film in films])
    root = away - away[:, [H36M_17.index("pelvis")]]
    for metric, vectors in (("true_joints", away), ("true_joints_root_aligned", root)):
        expected = 1e3 * np.linalg.norm(vectors, axis=2).mean()
        assert value["S1+S5", metric] == pytest.approx(expected, rel=1e-4)


def test_store_holds_the_fits(tmp_path, small, whole_curve):
    fits, _ = whole_curve
    subjects = [list(each.subjects) for each in fits]
    path = tmp_path / "curve.zarr.zip"
    LEARNING_CURVE.write(path, fit_arrays(fits), attrs={"subsets": subjects})
    for one, again in zip(fits, read_fits(LEARNING_CURVE.read(path), small), strict=True):
        assert (one.subjects, one.fraction, one.frames) == (again.subjects, again.fraction, again.frames)
        assert np.array_equal(one.weights, again.weights)


def test_picture_shows_every_fit_and_the_means(whole_curve):
    _, table = whole_curve
    figure = learning_curves(table)
    assert [axis.get_title() for axis in figure.axes][1] == "from labels, other subjects"
    part = table[(table["metric"] == "held_out") & (table["n_subjects"] == 2)]
    marks, line = figure.axes[1].lines[2:4]
    assert np.array_equal(marks.get_xydata(), part[["frames", "value_mm"]])
    assert line.get_xdata() == pytest.approx([40, 120, 400])
    assert line.get_ydata() == pytest.approx(part.groupby("fraction")["value_mm"].mean())
    exact = table.assign(value_mm=table["value_mm"].where(table.index > 0, 1e-6))
    assert learning_curves(exact).axes[0].get_ylim()[0] > 0.3 * table["value_mm"].min()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["1 subject", "2 subjects", "4 subjects", "5 subjects"]


@pytest.mark.parametrize("fractions", [[], [0.1, 0.5], [0.5, 0.1, 1.0], [0.1, 0.1, 1.0], [0.0, 1.0]])
def test_fractions_that_do_not_lead_to_the_whole_are_refused(fractions):
    with pytest.raises(ValidationError):
        FitLearningCurve(fractions=fractions)
