"""Planted label offsets are found again, none are found where none were planted, and the offset that
is used on a test sequence has not seen its labels."""

import numpy as np
import pytest
from scipy.optimize import nnls

from jointreg.body.model import part_of
from jointreg.diagnosis.label_offsets import compared
from jointreg.errors import ConfigError, DataError, StoreError
from jointreg.evaluation.label_offsets import (
    ALL,
    OFFSET_COLUMNS,
    SHARED,
    Trial,
    cross_fitted,
    evaluate_offsets,
    offset_rows,
)
from jointreg.figures.label_offsets import TIMES, offset_arrows, read_arrows
from jointreg.files.csv_rows import write_rows
from jointreg.regressor import Regressor, fit
from jointreg.regressor.label_offsets import (
    LabelOffsets,
    Residual,
    fit_offsets,
    read_offsets,
    sequence_residuals,
)
from jointreg.skeleton import H36M_17, LIMB
from jointreg.stores import OFFSETS, Record
from jointreg.synthetic.labels import labelled_joints, true_regressor
from jointreg.synthetic.parameters import load_parameters

TRAIN, TEST, SEQUENCES, FRAMES = ("S1", "S5", "S6", "S7"), "S9", 3, 20


@pytest.fixture(scope="module")
def small(body):
    """Every fifth vertex of the open body, and those that carry its skeleton."""
    chosen = body.joint_regressor.any(axis=0)
    chosen[::5] = True
    return part_of(body, np.flatnonzero(chosen))


@pytest.fixture(scope="module")
def planted(small, root):
    """J_true on those vertices, (17, V)."""
    return true_regressor(small, load_parameters(root / "config/generator.yaml").labels)


@pytest.fixture(scope="module")
def settings(open_config):
    return open_config.fit_regressor_opt


@pytest.fixture(scope="module")
def offsets():
    """Planted: 6 mm long on average, by subject, (17, 3) metres."""
    generator = np.random.default_rng(7)
    return {who: generator.normal(0, 0.0035, (17, 3)) for who in (*TRAIN, TEST)}


@pytest.fixture(scope="module")
def film(small, planted, make_bodies):
    """Function (offsets by subject, label noise) -> subject, bodies, frames of every sequence."""

    def make(offsets, noise_m=0.002):
        generator, sequences = np.random.default_rng(8), []
        for who, offset in offsets.items():
            betas = generator.normal(0, 0.7, 10)
            for number in range(SEQUENCES):
                rotations, _, translation = make_bodies(generator, FRAMES, 0.4)
                shape = np.tile(betas, (FRAMES, 1)).astype(np.float32)
                bodies = {"rotations": rotations, "betas": shape, "translation": translation}
                limbs = small.transforms(rotations, shape)[0]
                joints = labelled_joints(small.vertices(**bodies), limbs, planted, offset)
                joints += generator.normal(0, noise_m, joints.shape)
                rows = {"rows": f"{who} {number}"}
                sequences.append((who, Record(bodies, rows), Record({"joints_cam": joints}, rows)))
        return sequences

    return make


@pytest.fixture(scope="module")
def fitted(small, planted, film, offsets, settings):
    training = film({who: offsets[who] for who in TRAIN})
    return fit_offsets(small, training, planted, settings)


def rms_mm(vectors):
    return 1e3 * np.sqrt(np.square(vectors).sum(axis=-1).mean())


def test_residuals_are_the_planted_offsets(small, planted, film, offsets):
    for who, bodies, frames in film(offsets, noise_m=0):
        (residual,) = sequence_residuals(small, bodies, frames, {"true": planted})
        assert np.abs(residual.mean - offsets[who]).max() < 1e-6
        assert np.trace(residual.scatter) < 1e-9


def test_planted_offsets_are_found(fitted, offsets):
    """Up to what all subjects have in common, which no data can tell from the regressor."""
    truth = np.array([offsets[who] for who in TRAIN])
    truth -= truth.mean(axis=0)
    assert fitted.subjects == TRAIN
    assert np.abs(fitted.offsets.sum(axis=0)).max() < 1e-12
    assert rms_mm(truth) > 4
    assert rms_mm(fitted.offsets - truth) < 1.2
    assert np.corrcoef(fitted.offsets.ravel(), truth.ravel())[0, 1] > 0.97
    assert fitted.spread == pytest.approx(0.0035, rel=0.2)
    # The noise that was put in: 2 mm an axis and label, 20 frames a sequence.
    assert np.sqrt(np.diag(fitted.noise)).mean() == pytest.approx(0.002 / np.sqrt(FRAMES), rel=0.2)


def test_what_the_first_regressor_took_up_of_the_offsets_is_given_back(
    small, film, fitted, offsets, settings
):
    """A regressor fitted without offsets explains part of how people differ by their shapes: where one
    starts from it, and where one starts from the planted regressor, the same is found."""
    training = film({who: offsets[who] for who in TRAIN})
    start = fit(small, [(bodies, frames) for _, bodies, frames in training], settings).weights
    refitted = fit_offsets(small, training, start, settings)
    assert rms_mm(refitted.offsets - fitted.offsets) < 0.02
    truth = np.array([offsets[who] for who in TRAIN])
    assert refitted.spread == pytest.approx(np.sqrt(np.var(truth, axis=0, ddof=1).mean()), rel=0.02)
    assert compared(refitted.offsets, truth)["slope"] == pytest.approx(1, abs=0.02)


def test_shared_regressor_takes_up_what_subjects_have_in_common(
    small, planted, fitted, offsets, make_bodies
):
    rotations, betas, translation = make_bodies(np.random.default_rng(9), 50)
    common = np.mean([offsets[who] for who in TRAIN], axis=0)
    posed = small.vertices(rotations, 0.7 * betas, translation)
    limbs = small.transforms(rotations, 0.7 * betas)[0]
    truth = labelled_joints(posed, limbs, planted, common)
    assert rms_mm(fitted.regressor.apply(posed) - truth) < 3
    assert np.abs(fitted.regressor.weights.sum(axis=1) - 1).max() < 1e-4


def test_nothing_is_found_where_nothing_was_planted(small, planted, film, settings):
    training = film(dict.fromkeys(TRAIN, np.zeros((17, 3))))
    refitted = fit_offsets(small, training, planted, settings)
    assert np.linalg.norm(refitted.offsets, axis=-1).max() < 1e-3
    assert rms_mm(refitted.offsets) < 0.3


def test_a_joint_that_wanders_from_sequence_to_sequence_is_shrunk(
    small, planted, film, offsets, settings
):
    """An error of 15 mm that lasts through a sequence, on one wrist only."""
    training, generator = film({who: offsets[who] for who in TRAIN}), np.random.default_rng(10)
    wrist = H36M_17.index("left_wrist")
    for _, _, frames in training:
        lasting = generator.normal(0, 0.015, 3)
        frames.joints_cam[:, wrist] += lasting + generator.normal(0, 0.015, (FRAMES, 3))
    refitted = fit_offsets(small, training, planted, settings)
    raw = np.array(
        [
            sequence_residuals(small, bodies, frames, {"true": planted})[0].mean[wrist]
            for _, bodies, frames in training
        ]
    ).reshape(len(TRAIN), SEQUENCES, 3)
    raw = raw.mean(axis=1) - raw.mean(axis=(0, 1))
    assert rms_mm(refitted.offsets[:, wrist]) < 0.5 * rms_mm(raw)
    assert (refitted.error[:, wrist] > 0.7 * refitted.spread).all()
    others = np.delete(np.arange(17), wrist)
    truth = np.array([offsets[who] for who in TRAIN])
    truth -= truth.mean(axis=0)
    assert rms_mm((refitted.offsets - truth)[:, wrist]) < 0.8 * rms_mm(raw - truth[:, wrist])
    assert rms_mm((refitted.offsets - truth)[:, others]) < 1.5
    assert (refitted.error[:, others] < 0.2 * refitted.spread).all()


def test_elimination_equals_the_problem_with_offsets_as_unknowns(small, fitted, film, offsets, settings):
    """One joint by SciPy: rows of J and offsets stacked; a free unknown is a difference of two."""
    joint, training = H36M_17.index("right_knee"), film({who: offsets[who] for who in TRAIN})
    zero_sum = np.concatenate([np.eye(3), -np.ones((1, 3))])
    data, target = [], []
    for who, bodies, frames in training:
        posed = small.vertices(**bodies).astype(np.float64)
        centre = posed.mean(axis=1, keepdims=True)
        limb = small.transforms(bodies.rotations, bodies.betas)[0][:, LIMB[joint]]
        moved = np.kron(zero_sum[TRAIN.index(who)], limb.reshape(-1, 3))
        flat = (posed - centre).transpose(0, 2, 1).reshape(-1, small.n_vertices)
        data.append(np.concatenate([flat, moved, -moved], axis=1))
        target.append((frames.joints_cam[:, joint] - centre[:, 0]).ravel())
    count = len(TRAIN) * SEQUENCES * FRAMES
    noise = np.diag(fitted.noise).reshape(17, 3)[joint]
    ridge = np.sqrt(noise / SEQUENCES / len(TRAIN)) / fitted.spread
    pull = np.kron(zero_sum, np.diag(ridge))
    empty = np.zeros((len(pull), small.n_vertices))
    sums = np.zeros((1, small.n_vertices + 18))
    sums[:, : small.n_vertices] = np.sqrt(settings.sum_weight)
    stacked = np.concatenate(
        [np.concatenate(data) / np.sqrt(count), np.concatenate([empty, pull, -pull], axis=1), sums]
    )
    right = np.concatenate([np.concatenate(target) / np.sqrt(count), np.zeros(len(pull)), sums[0, :1]])
    reference = nnls(stacked, right)[0][: small.n_vertices]
    difference = (fitted.regressor.weights[joint] - reference) @ posed
    assert np.linalg.norm(difference, axis=-1).max() < 1e-4


def test_cross_fitting_never_uses_the_sequence_itself(fitted):
    generator = np.random.default_rng(11)
    nothing = np.zeros((51, 51))
    sequences = [Residual(FRAMES, generator.normal(0, 0.01, (17, 3)), nothing) for _ in range(3)]
    changed = [*sequences[:2], Residual(FRAMES, sequences[2].mean + 1, nothing)]
    before, after = cross_fitted(sequences, fitted), cross_fitted(changed, fitted)
    assert np.array_equal(before[2], after[2])
    assert np.abs(before[0] - after[0]).min() > 0.1
    with pytest.raises(DataError, match="another of the same subject"):
        cross_fitted(sequences[:1], fitted)


def test_errors_with_offsets_are_those_of_labels_without(small, fitted, film, offsets, open_config):
    """A method that is right about the body: what is left of its error is the offset, then noise."""
    trials = [
        Trial(who, frames, bodies, {"right": bodies})
        for who, bodies, frames in film({TEST: offsets[TEST]})
    ]
    scores, table = evaluate_offsets(small, trials, {}, fitted, open_config.evaluate)
    value = {(row["metric"], row["offsets"]): row["value_mm"] for row in scores if row["subject"] == ALL}
    assert {row["regressor"] for row in scores} == {SHARED}
    assert value["mpjpe", "yes"] < 0.6 * value["mpjpe", "no"]
    assert value["pa_mpjpe", "yes"] < 0.6 * value["pa_mpjpe", "no"]
    common = np.mean([offsets[who] for who in TRAIN], axis=0)
    estimated = 1e-3 * np.array(
        [[row[axis] for axis in ("x_mm", "y_mm", "z_mm")] for row in table if row["split"] == "test"]
    )
    assert rms_mm(estimated - (offsets[TEST] - common)) < 3
    assert [row["subject"] for row in table] == [who for who in (*TRAIN, TEST) for _ in range(17)]


def test_bad_input_is_refused(small, planted, film, offsets, settings):
    training = film({"S1": offsets["S1"], "S5": offsets["S5"]})
    eliminated = settings.model_copy(update={"translation": "eliminated"})
    with pytest.raises(ConfigError, match="expected 'absolute'"):
        fit_offsets(small, training, planted, eliminated)
    with pytest.raises(DataError, match="expected two subjects"):
        fit_offsets(small, training[:SEQUENCES], planted, settings)
    with pytest.raises(DataError, match="0 sequences beyond the first"):
        fit_offsets(small, training[::SEQUENCES], planted, settings)
    with pytest.raises(StoreError, match="not the same frames"):
        fit_offsets(small, [("S1", training[0][1], training[1][2])], planted, settings)


def test_store_holds_what_was_found(tmp_path, fitted):
    path = tmp_path / "offsets.zarr.zip"
    OFFSETS.write(path, fitted.arrays(), attrs={"subjects": list(fitted.subjects)})
    again = read_offsets(OFFSETS.read(path))
    assert isinstance(again, LabelOffsets)
    assert isinstance(again.regressor, Regressor)
    assert again.subjects == fitted.subjects
    assert again.spread == fitted.spread
    for name in ("offsets", "error", "noise"):
        assert np.array_equal(getattr(again, name), getattr(fitted, name))


def test_agreement_with_planted_offsets():
    """Half of each, and a common part that offsets cannot have."""
    planted = np.random.default_rng(12).normal(0, 0.004, (3, 17, 3))
    own = planted - planted.mean(axis=0)
    values = compared(own / 2, planted)
    assert values["slope"] == pytest.approx(0.5)
    assert values["correlation"] == pytest.approx(1)
    assert values["error_mm"] == pytest.approx(values["planted_mm"] / 2)
    assert values["planted_mm"] == pytest.approx(rms_mm(own))
    assert "slope" not in compared(own, 0 * own)


def test_arrows_are_the_offsets_of_the_table(tmp_path, body, planted, small, fitted):
    """Written, read and drawn: right in the front view is the body's left."""
    rows = [
        row
        for who, values, error in zip(fitted.subjects, fitted.offsets, fitted.error, strict=True)
        for row in offset_rows(who, "train", values, error)
    ]
    write_rows(tmp_path / "offsets.csv", rows, OFFSET_COLUMNS)
    read = read_arrows(tmp_path / "offsets.csv")
    assert list(read) == [f"{who}, train" for who in TRAIN]
    figure = offset_arrows(body.template, body.faces, planted @ small.template, read)
    front, side = figure.axes[:2]
    arrows = {axis: [part for part in axis.collections if hasattr(part, "U")] for axis in (front, side)}
    drawn = [np.concatenate([getattr(part, key) for part in arrows[front]]) for key in "UV"]
    clear = np.linalg.norm(fitted.offsets[0], axis=1) > 2 * np.linalg.norm(fitted.error[0], axis=1)
    order = np.concatenate([np.flatnonzero(~clear), np.flatnonzero(clear)])
    assert clear.any()
    for values, axis in zip(drawn, (0, 1), strict=True):
        assert np.abs(values - TIMES * fitted.offsets[0][order, axis]).max() < 1e-6
    depth = np.concatenate([part.U for part in arrows[side]])
    assert np.abs(depth + TIMES * fitted.offsets[0][order, 2]).max() < 1e-6
