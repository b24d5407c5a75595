"""JointRegressor beside torch.einsum with the dense matrix: `python benchmarks/torch_regressor.py`.

Batch 64 on one core, forward, and forward with the gradient of the vertices. Both are measured in turn,
several rounds; medians of CPU time. `read` is the layer where only the vertices that it reads are posed.
A gradient of whole meshes is 5 MB of zeros but for the vertices that are read: writing it takes most of
the layer's time with the gradient. The last line is the time of `torch.zeros` of that size alone, in the
cache; einsum writes as much.
"""

import argparse

import numpy as np
import torch
from timing import median_ms

from jointreg.regressor import Regressor
from jointreg.torch import JointRegressor

ROUNDS = 5


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regressor", help="file of a regressor; default: 17 rows of 6 vertices")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    if arguments.regressor:
        layer = JointRegressor(arguments.regressor)
    else:
        matrix = np.zeros((17, 6890))
        for row in matrix:
            row[generator.choice(6890, 6, replace=False)] = 1 / 6
        layer = JointRegressor(Regressor(matrix))
    joints, vertices = len(layer.weights), layer.n_vertices
    dense = torch.zeros(joints, vertices)
    dense[:, layer.vertices] = layer.weights
    meshes = torch.from_numpy(generator.normal(size=(arguments.batch, vertices, 3))).float()
    upstream = torch.from_numpy(generator.normal(size=(arguments.batch, joints, 3))).float()
    methods = {
        "einsum": (lambda points: torch.einsum("jv,bvc->bjc", dense, points), meshes),
        "layer": (layer, meshes),
        "read": (layer.of_read, meshes[:, layer.vertices].contiguous()),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    for _ in range(ROUNDS):
        for name, (method, points) in methods.items():
            leaf = points.clone().requires_grad_()
            forward = median_ms(lambda run=method, points=points: run(points), arguments.repeats)
            both = median_ms(
                lambda run=method, leaf=leaf: torch.autograd.grad(run(leaf), leaf, upstream),
                arguments.repeats,
            )
            times[name].append((forward, both))
    medians = {name: np.median(values, axis=0) for name, values in times.items()}
    print(f"{layer.extra_repr()}, batch {arguments.batch}, one thread, float32; CPU time")
    print(f"{'':8}{'forward ms':>12}{'times':>8}{'with gradient ms':>18}{'times':>8}")
    for name, (forward, both) in medians.items():
        ratio = medians["einsum"] / (forward, both)
        print(f"{name:8}{forward:12.3f}{ratio[0]:8.1f}{both:18.3f}{ratio[1]:8.1f}")
    zeros = median_ms(lambda: torch.zeros(meshes.shape), arguments.repeats)
    print(f"{'zeros':8}{'':20}{zeros:18.3f}")


if __name__ == "__main__":
    main()
