"""CPU time a frame of the optimisation core, one thread: `python benchmarks/core.py`.

Silhouette forward and backward, skinning against smplx, and one whole iteration of the refinement
(skinning, projection, silhouette, discriminator, Adam). Medians; CPU time, so that other work on
the machine changes the numbers little. Takes about a minute.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from smplx.lbs import lbs

from jointreg.body import Body, load_body
from jointreg.camera import project_pinhole
from jointreg.config import Optimize
from jointreg.discriminator import Discriminator
from jointreg.losses import EnergyWeights
from jointreg.refine import refine
from jointreg.rotations import from_axis_angle
from jointreg.silhouette import Topology, coverage, silhouette_l2
from jointreg.skinning import Skinner

PULL_SEED = 1


def median_ms(function: Callable[[], object], repeats: int) -> float:
    """Median CPU time of one call, milliseconds, after one call to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1e3 * float(np.median(times))


def random_bodies(generator: np.random.Generator, count: int) -> tuple[np.ndarray, ...]:
    """Rotations, betas and translation 3-5 m in front of the camera, and K of a 224 px crop."""
    pose = generator.normal(0, 0.3, (count, 24, 3))
    rotations = from_axis_angle(pose)
    turn = np.stack([0 * pose[:, 0, 0], generator.uniform(-3, 3, count), 0 * pose[:, 0, 0]], axis=1)
    rotations[:, 0] = np.diag([1.0, -1.0, -1.0]) @ from_axis_angle(turn)
    betas = generator.normal(size=(count, 10))
    translation = generator.uniform([-0.1, -0.1, 3], [0.1, 0.1, 5], (count, 3))
    intrinsics = np.tile(np.eye(3), (count, 1, 1))
    intrinsics[:, [0, 1], [0, 1]] = 90 * translation[:, 2:]
    intrinsics[:, :2, 2] = 111.5
    return *(v.astype(np.float32) for v in (rotations, betas, translation)), intrinsics


def smplx_posing(body: Body) -> Callable[..., torch.Tensor]:
    """Posing by smplx, same arguments as `Skinner.vertices`."""
    template = torch.from_numpy(body.template)[None]
    constants = (
        torch.from_numpy(body.shape_directions),
        torch.from_numpy(body.pose_directions.reshape(len(body.pose_directions), -1)),
        torch.from_numpy(body.joint_regressor),
        torch.from_numpy(body.parents),
        torch.from_numpy(body.skinning_weights),
    )

    def pose(rotations: torch.Tensor, betas: torch.Tensor, translation: torch.Tensor) -> torch.Tensor:
        still = template.expand(len(betas), -1, -1)
        return lbs(betas, rotations, still, *constants, pose2rot=False)[0] + translation[:, None]

    return pose


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=64, help="frames side by side")
    parser.add_argument("--repeats", type=int, default=11, help="calls a median is taken of")
    options = parser.parse_args()
    frames, repeats = options.frames, options.repeats
    torch.set_num_threads(1)

    body = load_body("open")
    rotations, betas, translation, intrinsics = random_bodies(np.random.default_rng(0), frames)
    vertices = body.vertices(rotations, betas, translation)
    topology = Topology(body.faces)
    points = torch.from_numpy(project_pinhole(vertices, intrinsics).astype(np.float32))
    points = points.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    masks = (coverage(points, topology, 224).numpy() * 255).round().astype(np.uint8)
    masks = np.roll(masks, 1, axis=0)

    print(f"{frames} frames, {body.n_vertices} vertices, 224 px; median of {repeats}; CPU ms a frame")

    def show(name: str, milliseconds: float, than: float | None = None) -> None:
        ratio = "" if than is None else f"  {than / milliseconds:5.1f} x faster than smplx"
        print(f"  {name:44s} {milliseconds / frames:8.3f}{ratio}")

    leaf = points.detach().requires_grad_(True)
    show("silhouette_l2", median_ms(lambda: silhouette_l2(points, topology, masks), repeats))
    show(
        "silhouette_l2 forward + backward",
        median_ms(lambda: silhouette_l2(leaf, topology, masks).sum().backward(), repeats),
    )
    show(
        "coverage forward + backward",
        median_ms(lambda: coverage(leaf, topology, 224).sum().backward(), repeats),
    )

    ours, theirs = Skinner(body).vertices, smplx_posing(body)
    arrays = [torch.from_numpy(value).requires_grad_(True) for value in (rotations, betas, translation)]
    pull = torch.randn(vertices.shape, generator=torch.Generator().manual_seed(PULL_SEED))
    with torch.no_grad():
        reference = median_ms(lambda: theirs(*arrays), repeats)
        show("skinning forward, smplx", reference)
        show("skinning forward", median_ms(lambda: ours(*arrays), repeats), reference)
    reference = median_ms(lambda: theirs(*arrays).backward(pull), repeats)
    show("skinning forward + backward, smplx", reference)
    both = median_ms(lambda: ours(*arrays).backward(pull), repeats)
    show("skinning forward + backward", both, reference)

    generator = np.random.default_rng(2)
    regressor = np.zeros((17, body.n_vertices))
    for row in regressor:
        row[generator.choice(body.n_vertices, 20, replace=False)] = 1 / 20
    steps = 20
    settings = {
        "iterations": steps,
        "learning_rate": 1e-3,
        "batch": frames,
        "joint": 1.0,
        "silhouette": 1.0,
        "adversarial": 1.0,
        "store_every": steps,
    }
    variants = {
        "full": {},
        "no discriminator": {"adversarial": 0.0},
        "no silhouette": {"silhouette": 0.0},
        "labels only": {"adversarial": 0.0, "silhouette": 0.0},
    }
    for name, change in variants.items():
        taken = median_ms(
            lambda change=change: refine(
                body,
                {"rotations": rotations, "betas": betas},
                np.einsum("jv,nvc->njc", regressor, vertices),
                masks,
                intrinsics,
                regressor,
                settings=Optimize(**(settings | change)),
                weights=EnergyWeights(1.0, 1e-4, 4.0),
                discriminator=Discriminator.create(torch.Generator().manual_seed(0)),
            ),
            max(repeats // 3, 1),
        )
        show(f"one iteration of refine, {name}", taken / steps)


if __name__ == "__main__":
    main()
