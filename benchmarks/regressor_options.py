"""Effect of each option of the regressor's fit on held-out true bodies of the open data set.

`python benchmarks/regressor_options.py --run open_variants` after `prepare` and `estimate` of that run.
Three training sets: the simulated estimator's bodies with the labels (as J_spin), the true bodies with
10 mm more noise on the labels (as a perfect refinement), and these with one body in twenty taken from
another frame. An error is the distance of the joints read off the true bodies of the test subjects from
the true joints, mean over 17 joints, mm: absolute / moved to the pelvis.
"""

import argparse
from pathlib import Path

import numpy as np

from jointreg import metrics, stores
from jointreg.body import Body, load_body
from jointreg.config import FitRegressor, load, read_yaml
from jointreg.config.sequences import load_sequences
from jointreg.diagnosis.true_bodies import model_bodies
from jointreg.errors import SolverError
from jointreg.regressor import Regressor, fit
from jointreg.regressor.identifiability import identifiability_rows
from jointreg.skeleton import H36M_17
from jointreg.stores import Record

ROOT = Path(__file__).resolve().parent.parent
NOISE_M = 0.01
WRONG = 20
"""One body in so many is from another frame."""

OPTIONS: dict[str, dict[str, object]] = {
    "no option": {},
    "candidates_m 0.3": {"candidates_m": 0.3},
    "candidates_m 0.2": {"candidates_m": 0.2},
    "candidates_m 0.15": {"candidates_m": 0.15},
    "candidates_m 0.1": {"candidates_m": 0.1},
    "max_vertices 12": {"max_vertices": 12},
    "max_vertices 8": {"max_vertices": 8},
    "max_vertices 4": {"max_vertices": 4},
    "symmetric": {"symmetric": True},
    "support of J_std": {"support": "J_std"},
    "huber 3 cm": {"robust": "huber", "robust_scale_m": 0.03},
    "huber 1.5 cm": {"robust": "huber", "robust_scale_m": 0.015},
    "geman_mcclure 6 cm": {"robust": "geman_mcclure", "robust_scale_m": 0.06},
    "geman_mcclure 3 cm": {"robust": "geman_mcclure", "robust_scale_m": 0.03},
    "drop_above_m 0.1": {"drop_above_m": 0.1},
    "drop_above_m 0.05": {"drop_above_m": 0.05},
    "candidates_m 0.2, symmetric, geman_mcclure 6 cm": {
        "candidates_m": 0.2,
        "symmetric": True,
        "robust": "geman_mcclure",
        "robust_scale_m": 0.06,
    },
}


def with_noise(truth: Record, frames: Record, generator: np.random.Generator) -> Record:
    """The frames with noise of NOISE_M on every label."""
    noise = generator.normal(0, NOISE_M / np.sqrt(3), frames.joints_cam.shape)
    return Record(frames | {"joints_cam": (frames.joints_cam + noise).astype(np.float32)}, frames.attrs)


def with_wrong_bodies(truth: Record, generator: np.random.Generator) -> Record:
    """Some bodies replaced by those of another frame, in their own place."""
    count = len(truth.betas)
    source = np.where(
        generator.random(count) < 1 / WRONG, generator.permutation(count), np.arange(count)
    )
    return Record(truth | {"rotations": truth.rotations[source]}, truth.attrs)


def main() -> None:
    """Fit with every option and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="open_variants")
    parser.add_argument("--options", nargs="+", default=list(OPTIONS), choices=list(OPTIONS))
    arguments = parser.parse_args()
    run = arguments.run
    files = [ROOT / "config" / name for name in ("config.yaml", "open.yaml", f"{run}.yaml")]
    config = load(read_yaml(*dict.fromkeys(files)))
    body = load_body(config.body)
    truth_folder = ROOT / "data" / run / "truth"
    true_regressor = Regressor(np.load(truth_folder / "J_true.npy"))
    generator = np.random.default_rng(config.seed)

    sets: dict[str, list[tuple[Record, Record]]] = {"sim": [], "true": [], "wrong": []}
    subjects, unseen = [], []
    for row in load_sequences(ROOT / config.sequences):
        base = ROOT / "results" / run
        name = f"{row.subject}/{row.action}.zarr.zip"
        frames = stores.FRAMES.read(
            base / "prepare" / name, only=["joints_cam", "take", "camera", "frame"]
        )
        truth = Record(model_bodies(truth_folder, row.subject, row.action, frames), frames.attrs)
        if row.split == "test":
            unseen.append(truth)
            continue
        noisy = with_noise(truth, frames, generator)
        sets["sim"].append((stores.BODIES.read(base / "estimate" / config.initial / name), frames))
        sets["true"].append((truth, noisy))
        sets["wrong"].append((with_wrong_bodies(truth, generator), noisy))
        subjects.append(row.subject)

    blocks = {
        "sim": config.fit_regressor_spin,
        "true": config.fit_regressor_opt,
        "wrong": config.fit_regressor_opt,
    }
    print(
        f"{len(subjects)} training sequences; error mm absolute / root-aligned; in brackets: held out mm"
    )
    print(f"| option | {' | '.join(sets)} |")
    for label in arguments.options:
        change = dict(OPTIONS[label])
        if "support" in change:
            change["support"] = str(ROOT / config.regressor_std)
        cells = []
        for name, sequences in sets.items():
            settings = FitRegressor(**(blocks[name].model_dump() | change))
            cells.append(measured(body, sequences, subjects, settings, unseen, true_regressor))
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


def measured(
    body: Body,
    sequences: list[tuple[Record, Record]],
    subjects: list[str],
    settings: FitRegressor,
    unseen: list[Record],
    true_regressor: Regressor,
) -> str:
    """Errors on unseen true bodies, and the held-out residual, as a cell of the table."""
    try:
        regressor = fit(body, sequences, settings)
    except SolverError:
        return "rows do not sum to 1"
    rows = identifiability_rows(body, sequences, subjects, regressor, settings)
    errors: list[list[np.ndarray]] = [[], []]
    for bodies in unseen:
        posed = body.vertices(bodies.rotations, bodies.betas, bodies.translation)
        found, true = regressor.apply(posed), true_regressor.apply(posed)
        for into, root in zip(errors, (None, H36M_17.index("pelvis")), strict=True):
            into.append(metrics.joint_errors(found, true, root).mean(axis=1))
    absolute, aligned = (1e3 * np.concatenate(part).mean() for part in errors)
    held_out = np.sqrt(np.mean([row["held_out_mm"] ** 2 for row in rows]))
    return f"{absolute:.1f} / {aligned:.1f} ({held_out:.1f})"


if __name__ == "__main__":
    main()
