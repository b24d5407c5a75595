"""Numba kernels of `jointreg.silhouette`: contour edges, exact pixel areas, and their gradient.

In one file on purpose: numba's cache on disk does not notice edits in another.

Points come as (V, 2, N): frames innermost. Image coordinates inside are shifted by half a pixel, so
that pixel (row, column) is the cell [column, column + 1] x [row, row + 1]. All scalars are float64;
only buffers have the dtype of the points.

A frame's contour is first cut into pieces, each inside one cell: `cells` (P, 3) holds row, column
and edge, `spans` (P, 2) the piece's length and middle as fractions of the edge. Row -1 is a piece
above the image, cut at columns only: it covers the whole column below itself.
"""

import numpy as np
from numba import njit

LANES = 16
"""Frames handled side by side: one AVX-512 register of float32."""


@njit(cache=True, nogil=True, error_model="numpy")
def cover(points: np.ndarray, faces: np.ndarray, edges: np.ndarray, image: np.ndarray) -> int:
    """Write coverage into `image` (N, H, W); returns the first frame with bad points, or -1."""
    frames, height, width = image.shape
    buffer = np.zeros((height + 1, width), dtype=points.dtype)
    contour = np.empty((LANES, len(edges)), dtype=np.int32)
    cells, spans = _room(1024, height, width)
    for first in range(0, frames, LANES):
        block, bad = _load(points, first)
        if bad >= 0:
            return first + bad
        counts = _find_contours(block, faces, edges, contour)
        for lane in range(min(LANES, frames - first)):
            ends = _edge_ends(block, edges, contour[lane], counts[lane], lane)
            pieces, cells, spans = _cut(ends, height, width, cells, spans)
            _add_areas(ends, cells, spans, pieces, buffer)
            _resolve_coverage(buffer, image[first + lane])
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def pull_back(
    points: np.ndarray, faces: np.ndarray, edges: np.ndarray, image: np.ndarray, grad: np.ndarray
) -> None:
    """Add to `grad` (V, 2, N) the gradient of sum(image * A), `image` (N, H, W)."""
    frames, height, width = image.shape
    contour = np.empty((LANES, len(edges)), dtype=np.int32)
    cells, spans = _room(1024, height, width)
    for first in range(0, frames, LANES):
        block, _ = _load(points, first)
        counts = _find_contours(block, faces, edges, contour)
        for lane in range(min(LANES, frames - first)):
            frame = first + lane
            ends = _edge_ends(block, edges, contour[lane], counts[lane], lane)
            pieces, cells, spans = _cut(ends, height, width, cells, spans)
            pulls = _pulls(cells, spans, pieces, image[frame], len(ends))
            _scatter(pulls, ends, edges, contour[lane], grad, frame)


@njit(cache=True, nogil=True, error_model="numpy")
def l2(
    points: np.ndarray,
    faces: np.ndarray,
    edges: np.ndarray,
    mask: np.ndarray,
    loss: np.ndarray,
    grad: np.ndarray,
) -> int:
    """Sum of (mask / 255 - C)^2 into `loss` (N,) and its gradient into `grad` (V, 2, N).

    Returns the first frame with bad points, or -1.
    """
    frames, height, width = mask.shape
    buffer = np.zeros((height + 1, width), dtype=points.dtype)
    contour = np.empty((LANES, len(edges)), dtype=np.int32)
    cells, spans = _room(1024, height, width)
    for first in range(0, frames, LANES):
        block, bad = _load(points, first)
        if bad >= 0:
            return first + bad
        counts = _find_contours(block, faces, edges, contour)
        for lane in range(min(LANES, frames - first)):
            frame = first + lane
            ends = _edge_ends(block, edges, contour[lane], counts[lane], lane)
            pieces, cells, spans = _cut(ends, height, width, cells, spans)
            _add_areas(ends, cells, spans, pieces, buffer)
            loss[frame] = _resolve_l2(buffer, mask[frame])
            pulls = _pulls(cells, spans, pieces, buffer, len(ends))
            _scatter(pulls, ends, edges, contour[lane], grad, frame)
            buffer[:] = 0
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def _room(pieces: int, height: int, width: int) -> tuple:
    """Memory for at least `pieces` pieces and one more edge across the whole image."""
    size = pieces + 2 * width + height + 16
    return np.empty((size, 3), dtype=np.int32), np.empty((size, 2), dtype=np.float64)


@njit(cache=True, nogil=True, error_model="numpy")
def _load(points: np.ndarray, first: int) -> tuple:
    """Copy frames into a full block, shifted to cell coordinates; idle lanes repeat the first.

    Also returns the first lane with a point that is not finite, or -1.
    """
    vertices, lanes = points.shape[0], min(LANES, points.shape[2] - first)
    block = np.empty((vertices, 2, LANES), dtype=points.dtype)
    half = points.dtype.type(0.5)
    if lanes == LANES:
        for v in range(vertices):
            for axis in range(2):
                for lane in range(LANES):
                    block[v, axis, lane] = points[v, axis, first + lane] + half
    else:
        for v in range(vertices):
            for axis in range(2):
                for lane in range(LANES):
                    source = first + (lane if lane < lanes else 0)
                    block[v, axis, lane] = points[v, axis, source] + half
    checksum = np.zeros(LANES, dtype=points.dtype)
    for v in range(vertices):
        for axis in range(2):
            for lane in range(LANES):
                checksum[lane] += block[v, axis, lane] * 0  # stays 0 unless inf or NaN
    for lane in range(lanes):
        if checksum[lane] != 0:
            return block, lane
    return block, -1


@njit(cache=True, nogil=True, error_model="numpy")
def _find_contours(
    block: np.ndarray, faces: np.ndarray, edges: np.ndarray, contour: np.ndarray
) -> np.ndarray:
    """List each lane's edges between a face of positive area and another; returns the counts.

    Entries are 2 * edge, plus 1 where the positive face runs through the edge backwards.
    """
    positive = np.empty((len(faces), LANES), dtype=np.uint8)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for lane in range(LANES):
            ux = block[b, 0, lane] - block[a, 0, lane]
            uy = block[b, 1, lane] - block[a, 1, lane]
            wx = block[c, 0, lane] - block[a, 0, lane]
            wy = block[c, 1, lane] - block[a, 1, lane]
            positive[f, lane] = ux * wy > wx * uy
    words = positive.view(np.uint64)
    counts = np.zeros(LANES, dtype=np.int64)
    last = len(edges) - 1
    for e in range(len(edges)):
        one, two = edges[e, 2], edges[e, 3]
        if words[one, 0] == words[two, 0] and words[one, 1] == words[two, 1]:
            continue
        for lane in range(LANES):
            # Written whether it is one or not, kept only if it is: cheaper than a branch.
            contour[lane, min(counts[lane], last)] = 2 * e + positive[two, lane]
            counts[lane] += positive[one, lane] ^ positive[two, lane]
    return counts


@njit(cache=True, nogil=True, error_model="numpy")
def _edge_ends(
    block: np.ndarray, edges: np.ndarray, contour: np.ndarray, count: int, lane: int
) -> np.ndarray:
    """Start x, y and extent dx, dy of each contour edge, (count, 4) float64."""
    ends = np.empty((count, 4), dtype=np.float64)
    for s in range(count):
        edge, back = contour[s] >> 1, contour[s] & 1
        start, end = edges[edge, back], edges[edge, 1 - back]
        ends[s, 0], ends[s, 1] = block[start, 0, lane], block[start, 1, lane]
        ends[s, 2] = block[end, 0, lane] - ends[s, 0]
        ends[s, 3] = block[end, 1, lane] - ends[s, 1]
    return ends


@njit(cache=True, nogil=True, error_model="numpy")
def _cut(ends: np.ndarray, height: int, width: int, cells: np.ndarray, spans: np.ndarray) -> tuple:
    """Cut all edges at the pixel grid; returns the number of pieces and their (grown) memory.

    Parts left, right and below the image are dropped: they cover nothing inside.
    """
    count = 0
    for s in range(len(ends)):
        if count + 2 * width + height + 16 > len(cells):
            grown_cells, grown_spans = _room(2 * len(cells), height, width)
            grown_cells[:count], grown_spans[:count] = cells[:count], spans[:count]
            cells, spans = grown_cells, grown_spans
        x0, y0, dx, dy = ends[s, 0], ends[s, 1], ends[s, 2], ends[s, 3]
        x1, y1 = x0 + dx, y0 + dy
        t0, t1 = 0.0, 1.0
        if not (min(x0, x1) >= 0 and max(x0, x1) < width and min(y0, y1) >= 0 and max(y0, y1) < height):
            t0, t1 = _clip(x0, dx, 0.0, width, t0, t1)
            above0, above1 = _clip(y0, dy, -np.inf, 0.0, t0, t1)
            if above0 < above1:
                count = _march(s, x0, dx, -1.0, 0.0, above0, above1, 1, width, count, cells, spans)
            t0, t1 = _clip(y0, dy, 0.0, height, t0, t1)
            if not t0 < t1:
                continue
        elif np.floor(x0) == np.floor(x1) and np.floor(y0) == np.floor(y1):
            cells[count, 0], cells[count, 1], cells[count, 2] = int(y0), int(x0), s
            spans[count, 0], spans[count, 1] = 1.0, 0.5
            count += 1
            continue
        count = _march(s, x0, dx, y0, dy, t0, t1, height, width, count, cells, spans)
    return count, cells, spans


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _clip(start: float, step: float, low: float, high: float, t0: float, t1: float) -> tuple:
    """Narrow [t0, t1] to where low <= start + step t <= high; t1 <= t0 where nothing is left."""
    if step > 0:
        return max(t0, (low - start) / step), min(t1, (high - start) / step)
    if step < 0:
        return max(t0, (high - start) / step), min(t1, (low - start) / step)
    return (t0, t1) if low <= start < high else (1.0, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _march(
    edge: int,
    x0: float,
    dx: float,
    y0: float,
    dy: float,
    t0: float,
    t1: float,
    height: int,
    width: int,
    count: int,
    cells: np.ndarray,
    spans: np.ndarray,
) -> int:
    """Step from cell to cell between fractions t0 and t1 (Amanatides & Woo 1987).

    With y0 = -1 and dy = 0 the pieces get row -1. Returns the new number of pieces.
    """
    column = min(max(int(np.floor(x0 + dx * t0)), 0), width - 1)
    row = -1 if y0 == -1 and dy == 0 else min(max(int(np.floor(y0 + dy * t0)), 0), height - 1)
    step_x, step_y = (1 if dx > 0 else -1), (1 if dy > 0 else -1)
    t_x, stride_x = np.inf, np.inf
    if dx != 0:
        stride_x = abs(1 / dx)
        t_x = (column + (dx > 0) - x0) / dx
    t_y, stride_y = np.inf, np.inf
    if dy != 0:
        stride_y = abs(1 / dy)
        t_y = (row + (dy > 0) - y0) / dy
    t = t0
    while True:
        t_next = min(t_x, t_y, t1)
        if t_next > t:
            cells[count, 0], cells[count, 1], cells[count, 2] = row, column, edge
            spans[count, 0], spans[count, 1] = t_next - t, 0.5 * (t + t_next)
            count += 1
            t = t_next
        if t_next >= t1:
            return count
        if t_x <= t_y:
            column += step_x
            t_x += stride_x
            if column < 0 or column >= width:
                return count
        else:
            row += step_y
            t_y += stride_y
            if row < 0 or row >= height:
                return count


@njit(cache=True, nogil=True, error_model="numpy")
def _add_areas(
    ends: np.ndarray, cells: np.ndarray, spans: np.ndarray, pieces: int, buffer: np.ndarray
) -> None:
    """Signed area under each piece: in its own row by height, in the rows below by the prefix sum."""
    for p in range(pieces):
        row, column, edge = cells[p, 0], cells[p, 1], cells[p, 2]
        area = ends[edge, 2] * spans[p, 0]
        depth = ends[edge, 1] + ends[edge, 3] * spans[p, 1] - row
        if row < 0:
            row, depth = 0, 0.0
        buffer[row, column] += area * (1 - depth)
        buffer[row + 1, column] += area * depth


@njit(cache=True, nogil=True, error_model="numpy")
def _resolve_coverage(buffer: np.ndarray, image: np.ndarray) -> None:
    """Prefix sum down the columns, clipped to [0, 1] layers; leaves the buffer zero."""
    height, width = image.shape
    layers = np.zeros(width, dtype=buffer.dtype)
    zero, one = buffer.dtype.type(0), buffer.dtype.type(1)
    for row in range(height):
        for column in range(width):
            layers[column] += buffer[row, column]
            image[row, column] = max(zero, min(layers[column], one))
    buffer[:] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _resolve_l2(buffer: np.ndarray, mask: np.ndarray) -> float:
    """Sum of squared differences; turns the buffer into dL/dA."""
    height, width = mask.shape
    layers = np.zeros(width, dtype=buffer.dtype)
    sums = np.zeros(width, dtype=buffer.dtype)
    zero, one, two = buffer.dtype.type(0), buffer.dtype.type(1), buffer.dtype.type(2)
    scale = buffer.dtype.type(1 / 255)
    for row in range(height):
        for column in range(width):
            layer = layers[column] + buffer[row, column]
            layers[column] = layer
            covered = max(zero, min(layer, one))
            residual = covered - buffer.dtype.type(mask[row, column]) * scale
            sums[column] += residual * residual
            buffer[row, column] = two * residual if layer < one else zero
    total = 0.0
    for column in range(width):
        total += sums[column]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _pulls(
    cells: np.ndarray, spans: np.ndarray, pieces: int, image: np.ndarray, edges: int
) -> np.ndarray:
    """Integral of dL/dA along each edge, weighted towards its start and its end, (edges, 2)."""
    pulls = np.zeros((edges, 2), dtype=np.float64)
    for p in range(pieces):
        row, column, edge = cells[p, 0], cells[p, 1], cells[p, 2]
        value = image[max(row, 0), column] * spans[p, 0] * (row >= 0)
        pulls[edge, 0] += value * (1 - spans[p, 1])
        pulls[edge, 1] += value * spans[p, 1]
    return pulls


@njit(cache=True, nogil=True, error_model="numpy")
def _scatter(
    pulls: np.ndarray,
    ends: np.ndarray,
    edges: np.ndarray,
    contour: np.ndarray,
    grad: np.ndarray,
    frame: int,
) -> None:
    """Add pull times edge normal (dy, -dx) to the gradient of both end points."""
    for s in range(len(ends)):
        if pulls[s, 0] != 0 or pulls[s, 1] != 0:
            edge, back = contour[s] >> 1, contour[s] & 1
            start, end = edges[edge, back], edges[edge, 1 - back]
            grad[start, 0, frame] += pulls[s, 0] * ends[s, 3]
            grad[start, 1, frame] -= pulls[s, 0] * ends[s, 2]
            grad[end, 0, frame] += pulls[s, 1] * ends[s, 3]
            grad[end, 1, frame] -= pulls[s, 1] * ends[s, 2]
