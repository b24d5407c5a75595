"""How real the open data set is: every target of config/generator.yaml, measured without any refinement.

`python tools/realism.py`, half a minute of one core; `--world config/open_real.yaml` for another world
than the demo's. Nothing here uses J_opt, so a parameter that is set by this page cannot be set for its
sake. Frames and seed are those of the demo.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from jointreg import metrics
from jointreg.body import Body, load_body
from jointreg.config import Config, load, read_yaml
from jointreg.config.sequences import Work, load_sequences
from jointreg.provenance import seed_for
from jointreg.regressor import Regressor, fit
from jointreg.skeleton import H36M_17_IN_32, LIMB, rows
from jointreg.stores import Record
from jointreg.synthetic.labels import true_regressor
from jointreg.synthetic.parameters import Parameters, load_parameters, with_joints
from jointreg.synthetic.people import cast, nearest_betas
from jointreg.synthetic.rig import cameras_of
from jointreg.synthetic.simulated_estimators import View, shape_bias, simulate
from jointreg.synthetic.standard_regressor import standard_regressor
from jointreg.synthetic.subject import in_camera, performed

ROOT = Path(__file__).resolve().parent.parent
GENUINE = {
    "hip": (133, 146, 25), "knee": (46, 68, 19), "ankle": (45, 62, 18), "shoulder": (41, 42, 3),
    "elbow": (48, 38, 9), "wrist": (22, 38, 17),
}  # fmt: skip
"""The field's J_regressor_h36m.npy: left and right row's distance from SMPL's joints on SMPL's template,
and the left row against the mirrored right one on MHR's symmetric template, mm."""
PAPER = "real SPIN, paper: MPJPE 60.4 -> 57.0 (-3.4), PA-MPJPE 41.3 -> 39.6 (-1.7)"


def main() -> None:
    """Print one line a target."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parameters", default=ROOT / "config/generator.yaml", type=Path)
    parser.add_argument("--world", type=Path, help="configuration on top of config/open.yaml")
    chosen = parser.parse_args()
    files = [ROOT / "config/config.yaml", ROOT / "config/open.yaml"]
    config = load(read_yaml(*files, *([chosen.world] if chosen.world else [])))
    parameters = with_joints(load_parameters(chosen.parameters), config.synthesize.joints)
    body = load_body(parameters.body)
    for line in report(parameters, config, body):
        print(line)


def report(parameters: Parameters, config: Config, body: Body) -> list[str]:
    """A line a target."""
    true = true_regressor(body, parameters.labels)
    generator = np.random.default_rng(seed_for(config.seed, "J_std"))
    standard = standard_regressor(body, true, parameters, generator)
    data = {method: {"train": [], "test": []} for method in ["truth", *parameters.estimators.methods]}
    for sequence in load_sequences(ROOT / config.sequences):
        for method, pairs in filmed(sequence, true, parameters, config, body).items():
            data[method][sequence.split] += pairs
    lines = [f"stature: {', '.join(statures(parameters, config, body))}"]
    lines += placed(body, true, standard)
    for method in parameters.estimators.methods:
        shaped = body.shape_directions @ shape_bias(method, parameters.estimators)
        lines.append(f"T-pose error of the shape bias of {method}: {_mm(_centred(shaped))} mm")
    error = np.concatenate(
        [np.matmul(standard - true, bodies.vertices) for bodies, _ in data["truth"]["test"]]
    )
    relative = error - error[:, :1]
    lines.append(f"J_std on true bodies: {_mm(error)} mm, root-aligned {_mm(relative)} mm")
    spin = fit(body, data[parameters.estimators.leading]["train"], config.fit_regressor_spin).weights
    for method, pairs in data.items():
        if method != "truth":
            scores = {
                name: _score(body, weights, pairs["test"])
                for name, weights in {"true": true, "std": standard, "spin": spin}.items()
            }
            gain = [b - a for a, b in zip(scores["std"], scores["spin"], strict=True)]
            lines.append(
                f"{method}, MPJPE / PA-MPJPE: "
                + ", ".join(f"{name} {a:.1f} / {b:.1f}" for name, (a, b) in scores.items())
                + f"; std -> spin {gain[0]:+.1f} / {gain[1]:+.1f}"
            )
    return [*lines, PAPER]


def filmed(
    sequence: Work, true: np.ndarray, parameters: Parameters, config: Config, body: Body
) -> dict[str, list[tuple[Record, Record]]]:
    """Method (and `truth`) -> (bodies, labels) of every take and camera of a sequence."""
    who = cast(sequence.subject, body, parameters, config.synthesize.people)
    nearest = nearest_betas(body, who)
    synthesize, found = config.synthesize, defaultdict(list)
    rate = synthesize.frames_per_second
    cameras = [c for c in cameras_of(sequence.subject, parameters) if c.name in sequence.cameras]
    for take in sequence.takes:
        times = np.arange(synthesize.frames) / rate
        recording = performed(
            who,
            sequence.subject,
            sequence.action,
            take,
            times,
            true,
            parameters,
            config.seed,
            synthesize,
        )
        for camera in cameras:
            rotations, translation = in_camera(recording, who, camera)
            joints = camera.from_world(recording.joints)[:, H36M_17_IN_32]
            bodies = {}
            for method in parameters.estimators.methods:
                wrong, shape, pelvis = simulate(
                    method, View(sequence.subject, sequence.action, take, camera.name), rotations,
                    nearest, translation + who.rest[0], rate, parameters.estimators,
                    parameters.planted_seed, config.seed,
                )  # fmt: skip
                bodies[method] = (wrong, shape, pelvis - body.rest_joints(shape)[:, 0])
            labels = Record({"joints_cam": joints.astype(np.float32)}, {})
            betas = np.tile(who.betas, (len(times), 1))
            true_mesh = who.body.vertices(rotations, betas, translation).astype(np.float64)
            found["truth"].append((Record({"vertices": true_mesh}, {}), labels))
            for method, values in bodies.items():
                names = ("rotations", "betas", "translation")
                arrays = {n: v.astype(np.float32) for n, v in zip(names, values, strict=True)}
                found[method].append((Record(arrays, {}), labels))
    return found


def placed(body: Body, true: np.ndarray, standard: np.ndarray) -> list[str]:
    """Where labels and J_std lie on the T-pose at zero betas, beside what genuine files have."""
    template = body.template.astype(np.float64)
    skeleton = body.rest_joints(np.zeros((1, body.n_betas)))[0][LIMB]
    labels, regressed = true @ template, standard @ template
    used = (standard > 0).sum(axis=1)
    apart = [
        _mm(points[rows(["left_hip"])] - points[rows(["right_hip"])]) for points in (labels, regressed)
    ]
    lines = [
        f"weights a row of J_std: {used.min()} to {used.max()}, {used.sum()} in all "
        "(genuine: 4 to 9, 107)",
        f"hip to hip: labels {apart[0]} mm (genuine: 266, frames 239 to 293), J_std {apart[1]} mm "
        "(genuine: 282 at this template's stature)",
    ]
    for part, (left, right, lopsided) in GENUINE.items():
        sides = rows([f"{side}_{part}" for side in ("left", "right")])
        away = 1e3 * np.linalg.norm(regressed[sides] - skeleton[sides], axis=-1)
        mirrored = _mm(regressed[sides[:1]] - regressed[sides[1:]] * [-1, 1, 1])
        lines.append(
            f"J_std, {part}: {away[0]:.0f} {away[1]:.0f} mm from the skeleton "
            f"(genuine: {left} {right}), "
            f"left against mirrored right {mirrored} mm (genuine: {lopsided})"
        )
    return lines


def statures(parameters: Parameters, config: Config, body: Body) -> list[str]:
    """Height of every subject's T-pose."""
    people = {
        name: cast(name, body, parameters, config.synthesize.people) for name in parameters.subjects
    }
    return [
        f"{name} {np.ptp((who.body.template + who.body.shape_directions @ who.betas)[:, 1]):.2f} m"
        for name, who in people.items()
    ]


def _score(body: Body, weights: np.ndarray, pairs: list) -> tuple[float, float]:
    """MPJPE and PA-MPJPE, 17 joints, mean over frames, mm."""
    found = np.concatenate([Regressor(weights).apply(_vertices(body, bodies)) for bodies, _ in pairs])
    labels = np.concatenate([labels.joints_cam for _, labels in pairs])
    return (
        1e3 * metrics.mpjpe(found, labels).mean(),
        1e3 * metrics.pa_mpjpe(found, labels).mean(),
    )


def _vertices(body: Body, bodies: Record) -> np.ndarray:
    return body.vertices(bodies.rotations, bodies.betas, bodies.translation).astype(np.float64)


def _centred(shaped: np.ndarray) -> np.ndarray:
    return shaped - shaped.mean(axis=0)


def _mm(offsets: np.ndarray) -> str:
    return f"{1e3 * np.linalg.norm(offsets, axis=-1).mean():.1f}"


if __name__ == "__main__":
    main()
