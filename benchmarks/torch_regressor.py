"""JointRegressor beside torch.einsum with the dense matrix: `python benchmarks/torch_regressor.py`.

Batch 64 on one core: forward, backward, and a step of both. The gradient of the vertices arrives in
their `.grad`, in their order in memory, as an optimiser reads it. einsum makes it in another order,
and half of its time is the way back. All are measured in turn, several rounds; medians of CPU time.
`read` is the layer where only the vertices that it reads are posed. Other work on the machine costs
the layer more than einsum: it waits for memory, einsum computes.

The gradient of whole meshes is zeros except at the vertices that are read, 5 MB for 64 meshes of 6890
vertices, and every layer has to write it. `floor` is the layer with a gradient of zeros only: no layer
with a dense gradient has a faster step. Other ways to write the same places gained 0 to 20 % of a step:
index_copy, scatter, a loop over a few meshes that stay in the cache,
compiled loops. A gradient in einsum's order is made 15 % faster, and costs four times as much where it
is used.
"""

import argparse

import numpy as np
import torch
from timing import median_ms

from jointreg.regressor import Regressor
from jointreg.torch import JointRegressor

ROUNDS = 5


class _Floor(torch.autograd.Function):
    """The layer's joints, with a gradient of zeros."""

    @staticmethod
    def forward(ctx, points, layer):
        ctx.shape = points.shape
        return layer(points)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.new_zeros(ctx.shape), None


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regressor", help="file of a regressor; default: 17 rows of 6 vertices")
    parser.add_argument("--vertices", type=int, default=6890, help="of the default's mesh")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    if arguments.regressor:
        layer = JointRegressor(arguments.regressor)
    else:
        matrix = np.zeros((17, arguments.vertices))
        for row in matrix:
            row[generator.choice(len(row), 6, replace=False)] = 1 / 6
        layer = JointRegressor(Regressor(matrix))
    joints, vertices = len(layer.weights), layer.n_vertices
    dense = torch.zeros(joints, vertices)
    dense[:, layer.vertices] = layer.weights
    meshes = torch.from_numpy(generator.normal(size=(arguments.batch, vertices, 3))).float()
    upstream = torch.from_numpy(generator.normal(size=(arguments.batch, joints, 3))).float()
    methods = {
        "einsum": (lambda points: torch.einsum("jv,bvc->bjc", dense, points), meshes),
        "layer": (layer, meshes),
        "floor": (lambda points: _Floor.apply(points, layer), meshes),
        "read": (layer.of_read, meshes[:, layer.vertices].contiguous()),
    }

    def backward(result: torch.Tensor, leaf: torch.Tensor) -> None:
        leaf.grad = None
        result.backward(upstream, retain_graph=True)

    times: dict[str, list[list[float]]] = {name: [] for name in methods}
    for _ in range(ROUNDS):
        for name, (method, points) in methods.items():
            leaf = points.clone().requires_grad_()
            result = method(leaf)
            runs = (
                lambda run=method, points=points: run(points),
                lambda result=result, leaf=leaf: backward(result, leaf),
                lambda run=method, leaf=leaf: backward(run(leaf), leaf),
            )
            times[name].append([median_ms(run, arguments.repeats) for run in runs])
    medians = {name: np.median(values, axis=0) for name, values in times.items()}
    print(f"{layer.extra_repr()}, batch {arguments.batch}, one thread, float32; CPU time in ms")
    print(f"{'':8}" + "".join(f"{head:>12}{'times':>8}" for head in ("forward", "backward", "both")))
    for name, values in medians.items():
        cells = zip(values, medians["einsum"] / values, strict=True)
        print(f"{name:8}" + "".join(f"{value:12.3f}{ratio:8.1f}" for value, ratio in cells))


if __name__ == "__main__":
    main()
