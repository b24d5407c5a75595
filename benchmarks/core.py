"""Cost of the optimisation core, one thread: `python benchmarks/core.py`.

Printed are medians of CPU time, which other work on the machine changes little. Ratios are of numbers
from the same run. `--sections` chooses: silhouette, skinning, iteration, growth, long (1000 frames
x 100 iterations, alone and two at once). All take about ten minutes, `long` half of it.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np
import torch
from scene import ROOT, SIZE, Scene, globe, peak_mb, settings, smplx_posing, subdivided
from timing import median_ms

from jointreg.body.skinning import Skinner, SparseRegressor, from_6d, observe
from jointreg.refine import levenberg_marquardt, refine_sample
from jointreg.refine.adam import Adam
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.losses import EnergyWeights, adversarial_energy, joint_energy
from jointreg.silhouette import Topology, silhouette_l2

WEIGHTS = EnergyWeights(1.0, 1e-4, 4.0, 1e-3)
PAPER_PYTHON = ROOT / ".venv-paper" / "bin" / "python"
"""Environment of `make test-paper-backends`, where PyTorch3D can be measured."""


def show(name: str, milliseconds: float, *notes: str) -> None:
    """One line of the table."""
    print(f"  {name:52s} {milliseconds:9.3f}  {'  '.join(notes)}", flush=True)


def silhouette_cost(scene: Scene, backend: str, repeats: int, frames: int) -> float:
    """Forward and backward of the silhouette energy, ms a frame."""
    points = scene.points[:frames].detach().requires_grad_(True)
    masks, depth = scene.shifted[:frames], scene.depth[:frames]

    def both() -> None:
        silhouette_l2(points, scene.topology, masks, backend=backend, depth=depth).sum().backward()

    return median_ms(both, repeats) / frames


def silhouettes(scene: Scene, repeats: int) -> None:
    """Every backend; PyTorch3D in its own environment where that exists."""
    print("silhouette, loss and gradient, ms a frame")
    ours = silhouette_cost(scene, "numba", repeats, len(scene.points))
    show("numba", ours)
    for backend in ("warp", "one_face", "pytorch3d"):
        try:
            cost = silhouette_cost(scene, backend, max(repeats // 3, 1), 16)
        except Exception as error:  # a package that is not installed
            print(f"  {backend:52s} not installed: {str(error).splitlines()[0][:80]}")
        else:
            show(backend, cost, f"numba is {cost / ours:.0f} x faster")
    if PAPER_PYTHON.exists():
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import core; "
            "core.torch.set_num_threads(1); scene = core.Scene(16); "
            "print(core.silhouette_cost(scene, 'numba', 5, 16), "
            "core.silhouette_cost(scene, 'pytorch3d', 1, 1))"
        )
        done = subprocess.run([PAPER_PYTHON, "-c", code], capture_output=True, text=True, check=True)
        numba, paper = map(float, done.stdout.split())
        show("pytorch3d, in its environment", paper, f"numba there is {paper / numba:.0f} x faster")


def skinning(scene: Scene, repeats: int) -> float:
    """Posing against smplx; returns smplx's forward and backward, ms a frame."""
    print("skinning, ms a frame")
    count = len(scene.points)
    theirs, arrays = smplx_posing(scene.body), scene.parameters()
    pull = torch.randn(
        (count, scene.body.n_vertices, 3), generator=torch.Generator().manual_seed(1)
    ).double()
    dense = np.random.default_rng(0).normal(0, 1e-3, scene.body.pose_directions.shape)
    skinners = {
        "ours": Skinner(scene.body).vertices,
        "ours, no pose offset zero": Skinner(
            replace(scene.body, pose_directions=dense.astype(np.float32))
        ).vertices,
    }
    with torch.no_grad():
        forward = median_ms(lambda: theirs(*arrays), repeats) / count
        show("smplx, forward", forward)
        for name, ours in skinners.items():
            cost = median_ms(lambda ours=ours: ours(*arrays), repeats) / count
            show(f"{name}, forward", cost, f"{cost / forward:.2f} of smplx")
    both = median_ms(lambda: theirs(*arrays).backward(pull), repeats) / count
    show("smplx, forward and backward", both)
    for name, ours in skinners.items():
        cost = median_ms(lambda ours=ours: ours(*arrays).backward(pull), repeats) / count
        show(f"{name}, forward and backward", cost, f"{cost / both:.2f} of smplx")
    return both


def iteration(scene: Scene, repeats: int, smplx: float) -> None:
    """One iteration of the refinement: whole, with terms left out, and split into its parts."""
    print("one iteration of refine, ms a frame")
    count, steps = len(scene.points), 20
    network = Discriminator.create(torch.Generator().manual_seed(0))

    def run(**changes: object) -> None:
        chosen = settings(
            iterations=steps, batch=count, store_every=steps, learning_rate=1e-3, **changes
        )
        refine_sample(*scene.problem(), settings=chosen, weights=WEIGHTS, discriminator=network)

    for name, changes in {
        "full": {},
        "no_discriminator": {"adversarial": 0.0},
        "no_silhouette": {"silhouette": 0.0},
        "labels only": {"adversarial": 0.0, "silhouette": 0.0},
    }.items():
        cost = median_ms(lambda changes=changes: run(**changes), max(repeats // 3, 1)) / steps / count
        show(name, cost, f"{cost / smplx:.2f} of smplx forward and backward")
    rotations, betas, translation = scene.parameters()
    six = rotations[..., :2].reshape(count, 24, 6).detach().requires_grad_(True)
    skinner, regressor = Skinner(scene.body), SparseRegressor(scene.regressor)
    vertices = skinner.vertices(rotations, betas, translation).detach().requires_grad_(True)
    pull = torch.randn(rotations.shape, generator=torch.Generator().manual_seed(2)).double()
    target = torch.from_numpy(scene.joints).double()
    points = observe(vertices, regressor, scene.intrinsics)[1].detach().requires_grad_(True)
    gradient = torch.autograd.grad(silhouette_l2(points, scene.topology, scene.shifted).sum(), points)[0]

    def project() -> None:
        joints, at = observe(vertices, regressor, scene.intrinsics)
        (joint_energy(joints, target).sum() + (at * gradient).sum()).backward()

    meshes_pull = torch.autograd.grad(
        (observe(vertices, regressor, scene.intrinsics)[1] * gradient).sum(), vertices
    )[0]
    theta = torch.zeros((count, 147), dtype=torch.float64, requires_grad=True)
    optimiser = Adam([theta], 1e-3)

    def step() -> None:
        theta.grad = torch.ones_like(theta)
        optimiser.step()

    parts: dict[str, Callable[[], object]] = {
        "part: 6D to rotations": lambda: from_6d(six).backward(pull),
        "part: skinning, gradient on the contour": lambda: skinner.vertices(
            rotations, betas, translation
        ).backward(meshes_pull),
        "part: projection and joints": project,
        "part: silhouette": lambda: (
            silhouette_l2(points, scene.topology, scene.shifted).sum().backward()
        ),
        "part: discriminator": lambda: adversarial_energy(network(rotations, betas)).sum().backward(),
        "part: Adam": step,
    }
    for name, part in parts.items():
        show(name, median_ms(part, repeats) / count)


def growth(repeats: int) -> None:
    """How the cost of a frame grows with batch, image and mesh."""
    print("growth, ms a frame")

    def whole(scene: Scene, count: int, solver: str = "adam") -> float:
        """One iteration: the preparation of a job, which does not grow with iterations, is left out."""
        steps = max(5, 80 // count)  # small batches need many to stand out of the preparation

        def run(iterations: int) -> float:
            chosen = settings(
                iterations=iterations,
                batch=count,
                store_every=iterations,
                adversarial=0.0,
                solver=solver,
            )
            return median_ms(
                lambda: refine_sample(*scene.problem(), settings=chosen, weights=WEIGHTS),
                max(repeats // 3, 1),
            )

        return (run(2 + steps) - run(2)) / (steps * count)

    levenberg_marquardt.ENOUGH = 0.0  # no frame leaves the batch
    for count in (1, 4, 12, 16, 64, 128, 256):
        scene = Scene(count)
        cost = silhouette_cost(scene, "numba", repeats, count)
        show(f"batch {count}: silhouette", cost)
        for solver in ("adam", "lm"):
            cost = whole(scene, count, solver)
            note = f"{cost * count:.1f} ms the batch"
            show(f"batch {count}: iteration without discriminator, {solver}", cost, note)
    for size in (112, 224, 448, 896):
        scene = Scene(16, size)
        show(f"{size} px: silhouette", silhouette_cost(scene, "numba", repeats, 16))
    mask = np.zeros((16, SIZE, SIZE), dtype=np.uint8)
    for vertices in (1700, 6890, 28000):
        points, faces = globe(vertices)
        at = 100 * points[:, :2] / (1 + 0.1 * points[:, 2:]) + (SIZE - 1) / 2
        image = torch.from_numpy(np.tile(at, (16, 1, 1)).astype(np.float32)).requires_grad_(True)
        topology = Topology(faces)

        def both(image: torch.Tensor = image, topology: Topology = topology) -> None:
            silhouette_l2(image, topology, mask).sum().backward()

        cost = median_ms(both, repeats) / 16
        show(f"globe of {len(points)} vertices: silhouette", cost)
    body = subdivided(Scene(1).body)
    scene = Scene(16, body=body)
    show(f"body of {body.n_vertices} vertices: silhouette", silhouette_cost(scene, "numba", repeats, 16))
    show(f"body of {body.n_vertices} vertices: iteration without discriminator", whole(scene, 16))


def long(frames: int = 1000) -> None:
    """100 iterations of every frame, in a process of its own, then in two at once."""
    print(f"{frames} frames x 100 iterations, full")
    worker = [sys.executable, __file__, "--worker", str(frames)]

    def together(count: int) -> tuple[float, list[list[float]]]:
        begin = time.perf_counter()
        running = [subprocess.Popen(worker, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        costs = [[float(x) for x in process.communicate()[0].split()] for process in running]
        return time.perf_counter() - begin, costs

    _, alone = together(1)
    _, both = together(2)
    cpu, wall, peak, peak_loop = alone[0]
    show("one process: CPU s", cpu, f"{frames / cpu:.1f} frames/s")
    show("one process: wall s", wall)
    show("one process: peak MB", peak, f"of which the loop {peak_loop:.0f}, frames and masks the rest")
    slower = max(run[1] for run in both)
    show("two processes at once: wall s of the slower", slower, f"{2 * wall / slower:.2f} x the work")


def worker(frames: int) -> None:
    """Refine; print CPU s, wall s, peak MB, and the part of the peak that the refinement added, MB."""
    torch.set_num_threads(1)
    scene = Scene(frames)
    network = Discriminator.create(torch.Generator().manual_seed(0))
    body, sample, regressor = scene.problem()
    chosen = settings(store_every=100)
    refine_sample(
        body,
        sample.part(slice(0, 2)),
        regressor,
        settings=settings(iterations=1),
        weights=WEIGHTS,
        discriminator=network,
    )
    before, cpu, wall = peak_mb(), time.process_time(), time.perf_counter()
    refine_sample(body, sample, regressor, settings=chosen, weights=WEIGHTS, discriminator=network)
    print(time.process_time() - cpu, time.perf_counter() - wall, peak_mb(), peak_mb() - before)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = ["silhouette", "skinning", "iteration", "growth", "long"]
    parser.add_argument("--sections", nargs="+", choices=names, default=names)
    parser.add_argument("--frames", type=int, default=64, help="frames side by side")
    parser.add_argument("--repeats", type=int, default=11, help="calls a median is taken of")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.worker:
        worker(options.worker)
        return
    scene = Scene(options.frames)
    print(
        f"{options.frames} frames side by side, {scene.body.n_vertices} vertices, {SIZE} px, "
        f"one thread; CPU time, median of {options.repeats}"
    )
    if "silhouette" in options.sections:
        silhouettes(scene, options.repeats)
    smplx = None
    if {"skinning", "iteration"} & set(options.sections):
        smplx = skinning(scene, options.repeats)
    if "iteration" in options.sections and smplx is not None:
        iteration(scene, options.repeats, smplx)
    if "growth" in options.sections:
        growth(options.repeats)
    if "long" in options.sections:
        long()


if __name__ == "__main__":
    main()
