"""The exact silhouette in Warp: the algorithm of `jointreg.silhouette._numba_kernels`, one source
for CPU and CUDA.

Each step is a kernel with as many threads as it has independent items: a face (which way it turns), a
pair of faces (is their edge contour), a contour edge (its cut at the pixel grid; at the end its
gradient), a piece (its area; the part of it that is exposed in a pixel where contours cross), a column
(layers from top to bottom). Contour edges and pieces are compacted in between, so that threads beside
each other all have work and pieces lie in a fixed order; that costs two waits for the device a call.
The pieces of a pixel where contours cross are a linked list, of any length. Images lie in global
memory. Geometry is float64 from float32 points, buffers are float32.

On a CPU the threads run one after another and the results are the same in every bit; on CUDA areas
and gradients are added up by atomics in any order. Written for CUDA, but never run there: the tests
use Warp's CPU device. The very first call compiles the kernels (10 s on a CPU), later processes load
them from Warp's cache.
"""

from typing import Any, NamedTuple

import torch

from jointreg.errors import ConfigError
from jointreg.silhouette.topology import Topology

try:
    import warp as wp

    from jointreg.silhouette import _warp_kernels as kernels
    from jointreg.silhouette import _warp_union as union
except ModuleNotFoundError as error:
    raise ConfigError(
        "silhouette backend 'warp' needs the package warp-lang, which is not installed",
        "pip install 'warp-lang>=1.19,<2', or use backend 'numba'",
    ) from error


class _Pieces(NamedTuple):
    """Contour edges of all frames (M) and their pieces (P), each inside one pixel."""

    ends: torch.Tensor
    """Start x, y and extent dx, dy of each edge, (M, 4) float64."""
    vertices: torch.Tensor
    """Frame, first and second vertex of each edge, (M, 3) int32."""
    stops: torch.Tensor
    """Pieces up to and with each edge, (M,) int32."""
    cells: torch.Tensor
    """Frame, row (-1: above the image), column and edge of each piece, (P, 4) int32."""
    spans: torch.Tensor
    """Length and middle of each piece as fractions of its edge, (P, 2) float64."""


def coverage(points: torch.Tensor, topology: Topology, height: int, width: int) -> torch.Tensor:
    """Covered share of every pixel, (N, V, 2) px -> (N, H, W); differentiable."""
    return _Coverage.apply(points, topology, height, width)


def l2(points: torch.Tensor, topology: Topology, mask: torch.Tensor) -> torch.Tensor:
    """Sum of (mask / 255 - coverage)^2, (N, V, 2) px and (N, H, W) uint8 -> (N,); differentiable."""
    return _SilhouetteL2.apply(points, topology, mask.to(points.device))


class _Coverage(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, topology: Topology, height: int, width: int) -> Any:
        pieces = _find_pieces(points, topology, height, width)
        layers, pieces = _sum_layers(pieces, len(points), height, width)
        result = layers[:, :height].clamp(0, 1).to(points.dtype)
        ctx.pieces, ctx.shape = pieces, points.shape
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        (covered,) = ctx.saved_tensors
        slope = torch.where(covered < 1, grad, 0).float()
        return _pull_back(ctx.pieces, slope, ctx.shape).to(grad.dtype), None, None, None


class _SilhouetteL2(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, topology: Topology, mask: torch.Tensor) -> Any:
        frames, height, width = mask.shape
        pieces = _find_pieces(points, topology, height, width)
        image, pieces = _sum_layers(pieces, frames, height, width)
        sums = torch.empty(frames, width, dtype=torch.float32, device=points.device)
        _launch(kernels.compare, (frames, width), mask, image, sums)
        ctx.save_for_backward(_pull_back(pieces, image, points.shape).to(points.dtype))
        return sums.double().sum(dim=1).to(points.dtype)

    @staticmethod
    def backward(ctx: Any, grad_loss: torch.Tensor) -> Any:
        (grad,) = ctx.saved_tensors
        return grad * grad_loss[:, None, None], None, None


def _find_pieces(points: torch.Tensor, topology: Topology, height: int, width: int) -> _Pieces:
    device, frames = points.device, len(points)
    single = points.detach().float().contiguous()
    faces, edges = (torch.from_numpy(table).to(device) for table in (topology.faces, topology.edges))
    positive = torch.empty(frames, len(faces), dtype=torch.uint8, device=device)
    _launch(kernels.turn, positive.shape, single, faces, positive)
    direction = torch.empty(frames, len(edges), dtype=torch.uint8, device=device)
    _launch(kernels.compare_faces, direction.shape, edges, positive, direction)
    chosen = direction.nonzero().int().contiguous()
    ends = torch.empty(len(chosen), 4, dtype=torch.float64, device=device)
    vertices = torch.empty(len(chosen), 3, dtype=torch.int32, device=device)
    counts = torch.empty(len(chosen), dtype=torch.int32, device=device)
    nowhere = (vertices.new_empty(0, 4), ends.new_empty(0, 2))
    _launch(
        kernels.count,
        len(chosen),
        single,
        edges,
        direction,
        chosen,
        height,
        width,
        ends,
        vertices,
        counts,
        *nowhere,
    )
    stops = counts.cumsum(dim=0, dtype=torch.int32)
    count = int(stops[-1]) if len(stops) else 0
    cells = torch.empty(count, 4, dtype=torch.int32, device=device)
    spans = torch.empty(count, 2, dtype=torch.float64, device=device)
    _launch(kernels.cut, counts.shape, ends, vertices, counts, stops, height, width, cells, spans)
    return _Pieces(ends, vertices, stops, cells, spans)


def _sum_layers(pieces: _Pieces, frames: int, height: int, width: int) -> tuple[torch.Tensor, _Pieces]:
    """Layers over each pixel, (N, H + 1, W) float32; the last row is below the image.

    Where one pixel may hold 0 and 2 layers, they are replaced by the covered area. The pieces come
    back with spans that keep only what bounds the body.
    """
    ends, cells, spans = pieces.ends, pieces.cells, pieces.spans
    count = len(cells)
    layers = ends.new_zeros(frames, height + 1, width, dtype=torch.float32)
    marks = cells.new_zeros(frames, height, width)
    _launch(kernels.add_areas, count, ends, cells, spans, layers, marks)
    _launch(kernels.sum_down, (frames, width), layers)
    heads, nexts, corners = torch.full_like(marks, -1), cells.new_empty(count), cells.new_empty(count)
    areas, kept = spans.new_empty(count), torch.empty_like(spans)
    lines = ends.new_empty(count, 4)
    _launch(union.link, count, ends, cells, spans, marks, heads, nexts, lines)
    _launch(union.begin, count, cells, lines, layers, heads, nexts, corners, areas)
    _launch(union.expose, count, cells, spans, lines, heads, nexts, corners, areas, kept)
    _launch(union.replace, count, cells, heads, areas, layers)
    return layers, pieces._replace(spans=kept)


def _pull_back(pieces: _Pieces, slope: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Gradient of sum(slope * layers), (N, V, 2) float32."""
    grad = torch.zeros(shape, dtype=torch.float32, device=slope.device)
    _launch(
        kernels.pull,
        len(pieces.ends),
        pieces.ends,
        pieces.vertices,
        pieces.stops,
        pieces.cells,
        pieces.spans,
        slope.contiguous(),
        grad,
    )
    return grad


def _launch(kernel: Any, dim: Any, *arguments: Any) -> None:
    """Run a kernel on the tensors' device, in torch's order of work."""
    device = next(value.device for value in arguments if isinstance(value, torch.Tensor))
    stream = None
    if device.type == "cuda":
        stream = wp.stream_from_torch(torch.cuda.current_stream(device))
    wp.launch(kernel, dim, inputs=list(arguments), device=wp.device_from_torch(device), stream=stream)
