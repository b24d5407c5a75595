"""Exactness, CPU time and memory of the regressor's fit, one thread: `python benchmarks/regressor.py`.

A planted regressor with 10 mm label noise is fitted again and read on unseen bodies; statistics and
solvers are timed beside others; memory is followed while frames are streamed. Medians; CPU time, so
that other work on the machine changes the numbers little. `--frames 1000 --streamed 3000` takes a
minute, the default half an hour. smplfitter, if installed, is timed as well; jointreg does not need it.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import nnls
from timing import median_ms

from jointreg.body import Body, load_body
from jointreg.config import FitRegressor, load, read_yaml
from jointreg.geometry.rotations import from_axis_angle
from jointreg.regressor import Statistics, fit, fit_regressor
from jointreg.regressor.normal_equations import DEPTH_APART, TOGETHER, Groups
from jointreg.stores import Record

ROOT = Path(__file__).resolve().parent.parent
BATCH = 256
CANDIDATES = 1723
NOISE_M = 0.01
"""Root mean square length of a label's error."""
TRANSLATION_ERROR_M = (0.005, 0.005, 0.05)
SMPLFITTER_STEPS = 50_000
"""As its make_post_lbs_joint_regressors.py asks for, 72 frames each."""
LIMIT_MB = 1200


def planted_regressor(template: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Six neighbouring vertices a joint with random convex weights, (17, V); template (V, 3)."""
    weights = np.zeros((17, len(template)))
    for row in weights:
        centre = template[generator.integers(len(template))]
        near = np.argsort(np.linalg.norm(template - centre, axis=1))[:60]
        row[generator.choice(near, 6, replace=False)] = generator.dirichlet(np.ones(6))
    return weights


def random_bodies(generator: np.random.Generator, count: int) -> Record:
    """Random poses and shapes 4.5 m from the camera."""
    pose = generator.normal(0, 0.3, (count, 24, 3))
    pose[:, 0] = generator.normal([np.pi, 0, 0], 0.2, (count, 3))
    translation = generator.normal([0, 0, 4.5], [0.2, 0.1, 0.3], (count, 3))
    arrays = {
        "rotations": from_axis_angle(pose).astype(np.float32),
        "betas": generator.normal(size=(count, 10)).astype(np.float32),
        "translation": translation.astype(np.float32),
    }
    return Record(arrays, {"rows": ""})


class Stream:
    """Labelled bodies of a planted regressor, made when they are read; the same at every reading."""

    def __init__(self, body: Body, planted: np.ndarray, frames: int, error_m: tuple[float, ...]) -> None:
        self.body, self.planted, self.frames, self.error_m = body, planted, frames, np.array(error_m)

    def __iter__(self) -> Iterator[tuple[Record, Record]]:
        generator = np.random.default_rng(3)
        used = np.flatnonzero(self.planted.any(axis=0))
        for begin in range(0, self.frames, BATCH):
            bodies = random_bodies(generator, min(BATCH, self.frames - begin))
            posed = self.body.vertices(bodies.rotations, bodies.betas, bodies.translation)
            joints = np.matmul(self.planted[:, used], posed[:, used])
            joints += generator.normal(0, NOISE_M / np.sqrt(3), joints.shape)
            joints += generator.normal(size=(len(joints), 1, 3)) * self.error_m
            yield bodies, Record({"joints_cam": joints.astype(np.float32)}, {"rows": ""})


def show(name: str, value: str) -> None:
    """One line of the table."""
    print(f"  {name:64s} {value}", flush=True)


def exactness(body: Body, settings: dict[str, FitRegressor], frames: int) -> None:
    """Distance of predicted from planted joints on unseen bodies."""
    planted = planted_regressor(body.template, np.random.default_rng(1))
    unseen = random_bodies(np.random.default_rng(2), BATCH)
    posed = body.vertices(unseen.rotations, unseen.betas, unseen.translation)
    truth = planted @ posed.astype(np.float64)
    cases = {
        "absolute, no translation error": ("absolute", (0.0, 0.0, 0.0)),
        "eliminated, translation errors 5/5/50 mm": ("eliminated", TRANSLATION_ERROR_M),
        "absolute, translation errors 5/5/50 mm": ("absolute", TRANSLATION_ERROR_M),
    }
    for name, (translation, error) in cases.items():
        found = fit(body, Stream(body, planted, frames, error), settings[translation])
        away = found.apply(posed) - truth
        absolute = 1e3 * np.linalg.norm(away, axis=2).mean()
        relative = 1e3 * np.linalg.norm(away - away[:, :1], axis=2)[:, 1:].mean()
        show(name, f"{absolute:6.2f} mm absolute  {relative:6.2f} mm root-relative")


def costs(body: Body, settings: dict[str, FitRegressor], repeats: int) -> None:
    """CPU time of statistics and solvers, and of others' ways to the same regressor."""
    planted = planted_regressor(body.template, np.random.default_rng(1))
    stream = Stream(body, planted, 8 * BATCH, TRANSLATION_ERROR_M)
    batches = [(body.vertices(b.rotations, b.betas, b.translation), f.joints_cam) for b, f in stream]
    bodies, _ = next(iter(stream))
    pose = lambda: body.vertices(bodies.rotations, bodies.betas, bodies.translation)  # noqa: E731
    show("posing", f"{median_ms(pose, repeats) / BATCH:8.3f} ms a frame")

    def summed(groups: Groups, step: int) -> Statistics:
        stats = Statistics(len(range(0, body.n_vertices, step)), groups=groups)
        for vertices, joints in batches:
            stats.add(np.ascontiguousarray(vertices[:, ::step]), joints)
        return stats

    for step in (1, round(body.n_vertices / CANDIDATES)):
        stats = Statistics(len(range(0, body.n_vertices, step)))
        vertices, joints = np.ascontiguousarray(batches[0][0][:, ::step]), batches[0][1]
        taken = median_ms(lambda v=vertices, x=joints, s=stats: s.add(v, x), repeats) / BATCH
        show(f"statistics, {stats.n_vertices} vertices", f"{taken:8.3f} ms a frame")
    for name, groups in (("absolute", TOGETHER), ("eliminated", DEPTH_APART)):
        stats = summed(groups, 1)
        taken = median_ms(lambda s=stats, n=name: fit_regressor(s, settings[n]), 3)
        show(f"{len(planted)} joints from statistics, {name}", f"{taken / 1e3:8.2f} s")
    others(batches, settings["absolute"].sum_weight)


def others(batches: list[tuple[np.ndarray, np.ndarray]], sum_weight: float) -> None:
    """scipy's NNLS on the stacked matrix, and smplfitter's trainer."""
    count = BATCH
    vertices = batches[0][0].astype(np.float64)
    centre = vertices.mean(axis=1, keepdims=True)
    matrix = (vertices - centre).transpose(0, 2, 1).reshape(3 * count, -1)
    stacked = np.concatenate([matrix, np.full((1, matrix.shape[1]), np.sqrt(sum_weight * count))])
    label = (batches[0][1] - centre)[:, 0].reshape(-1)
    target = np.append(label, np.sqrt(sum_weight * count))
    taken = median_ms(lambda: nnls(stacked, target), 3)
    size = stacked.nbytes / count / 1e6
    show(f"scipy nnls, 1 joint, {count} frames stacked", f"{taken / 1e3:8.2f} s, {size:.2f} MB a frame")
    taken = smplfitter_step_ms(batches[0])
    name = "smplfitter's trainer, 72 frames a step"
    if taken is None:
        show(name, "not installed")
    else:
        total = taken * SMPLFITTER_STEPS / 1e3
        show(name, f"{taken:8.1f} ms a step, {total:.0f} s for its {SMPLFITTER_STEPS} steps")


def smplfitter_step_ms(batch: tuple[np.ndarray, np.ndarray]) -> float | None:
    """CPU time of a step of smplfitter's trainer without posing, ms; None where not installed."""
    try:
        import torch
        from smplfitter.decimation import make_post_lbs_joint_regressors as theirs
    except ImportError:
        return None
    torch.set_num_threads(1)
    vertices, joints = (torch.from_numpy(np.asarray(part[:72], np.float32)) for part in batch)
    model = theirs.ConvexCombiningRegressor(vertices.shape[1], joints.shape[1])
    trainer = theirs.ConvexCombiningRegressorTrainer(
        model, None, vertices[0], torch.arange(vertices.shape[1]), regul_lambda=6e-5
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0)

    def step() -> None:
        optimizer.zero_grad()
        predicted = theirs.EasyDict(pose3d=model(vertices), pose3d_gt=joints)
        trainer.compute_losses(None, predicted).loss.backward()
        optimizer.step()

    return median_ms(step, 11)


def memory(body: Body, settings: FitRegressor, frames: int) -> tuple[np.ndarray, float]:
    """Frames, resident MB and CPU ms a frame so far, (T, 3), and the peak with the solver, MB."""
    planted = planted_regressor(body.template, np.random.default_rng(1))
    rows: list[tuple[float, float, float]] = []
    start = time.process_time()
    seen = 0

    def watched() -> Iterator[tuple[Record, Record]]:
        nonlocal seen
        for bodies, labels in Stream(body, planted, frames, TRANSLATION_ERROR_M):
            yield bodies, labels
            seen += len(labels.joints_cam)
            rows.append((seen, resident_mb("VmRSS"), 1e3 * (time.process_time() - start) / seen))

    reset_peak()
    fit(body, watched(), settings)
    return np.array(rows), resident_mb("VmHWM")


def resident_mb(key: str) -> float:
    """Resident memory of this process, now (VmRSS) or at its highest (VmHWM), MB."""
    line = next(
        s
        for s in Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        if s.startswith(key)
    )
    return int(line.split()[1]) * 1024 / 1e6


def reset_peak() -> None:
    """Let VmHWM begin anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def follow(body: Body, settings: FitRegressor, frames: int, picture: Path) -> None:
    """Print and draw memory and time over the frames, of some and of all vertices."""
    curves = {}
    for name, reach_m in {"candidates within 0.15 m": 0.15, f"{body.n_vertices} vertices": 0.0}.items():
        changed = settings.model_copy(update={"candidates_m": reach_m})
        curves[name], peak = memory(body, changed, frames)
        first, last = curves[name][min(3, len(curves[name]) - 1)], curves[name][-1]
        show(
            name,
            f"{first[1]:.0f} MB at {first[0]:.0f} frames, {last[1]:.0f} MB at {last[0]:.0f}, "
            f"peak with the solver {peak:.0f} MB, {last[2]:.2f} ms a frame",
        )
    draw(curves, picture)


def draw(curves: dict[str, np.ndarray], path: Path) -> None:
    """Memory and time over the frames."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, rows in curves.items():
        left.plot(rows[:, 0], rows[:, 1], label=name)
        right.plot(rows[:, 0], rows[:, 2], label=name)
    left.axhline(LIMIT_MB, color="0.6", linestyle="--", linewidth=1)
    left.set(ylabel="resident memory, MB", ylim=(0, None))
    right.set(ylabel="CPU ms a frame, posing included", ylim=(0, None))
    for axis in (left, right):
        axis.set(xlabel="frames", xscale="log")
        axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000, help="frames of the planted fits")
    parser.add_argument("--streamed", type=int, default=100_000, help="frames of the memory's curves")
    parser.add_argument("--repeats", type=int, default=11, help="calls a median is taken of")
    parts = ["memory", "costs", "exactness"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--picture", default="docs/pictures/regressor_memory.png")
    options = parser.parse_args()
    body = load_body("open")
    config = load(read_yaml(ROOT / "config/config.yaml"))
    errors = {"lateral_error_m": TRANSLATION_ERROR_M[0], "depth_error_m": TRANSLATION_ERROR_M[2]}
    settings = {
        "absolute": config.fit_regressor_opt,
        "eliminated": config.fit_regressor_spin.model_copy(update=errors),
    }
    if "memory" in options.parts:  # first: others' libraries would count
        print(f"memory, {options.streamed} frames streamed, depth apart")
        follow(body, settings["eliminated"], options.streamed, Path(options.picture))
    if "costs" in options.parts:
        print(f"costs, {body.n_vertices} vertices, CPU, median of {options.repeats}")
        costs(body, settings, options.repeats)
    if "exactness" in options.parts:
        print(f"planted regressor, {options.frames} frames, 10 mm label noise, unseen bodies")
        exactness(body, settings, options.frames)


if __name__ == "__main__":
    main()
