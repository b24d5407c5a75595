"""Numba kernels of `jointreg.silhouette`: contour edges, exact pixel areas, and their gradient.

In one file on purpose: numba's cache on disk does not notice edits in another.

Points come as (V, 2, N): frames innermost. Image coordinates inside are shifted by half a pixel, so
that pixel (row, column) is the cell [column, column + 1] x [row, row + 1]. All scalars are float64;
only buffers have the dtype of the points.

A frame's contour is first cut into pieces, each inside one cell: `cells` (P, 4) holds row, column,
edge and a code, `shapes` (P, 4) start and end inside the cell, `spans` (P, 2) the piece's length and
middle as fractions of the edge. Row -1 is a piece above the image, cut at columns only: it covers the
whole column below itself.

Layers are the faces of positive sign over a point: never negative, and at least 1 exactly where any
face lies, also where the mesh crosses itself. Their mean over a pixel, cut off at 1, is the covered
area unless the pixel holds 0 and 2 layers at once. One chain of pieces that runs through a pixel
without turning back in both x and y has two neighbouring numbers of layers beside it; every other
pixel with pieces goes to `_union`:

- Each piece, taken from left to right (from the top if vertical), is a line with as many layers above
  it as the pixel has at its top edge there, plus or minus one for each line above its left end.
- The number at the top edge follows from the mean: it is the one whole number that gives it.
- Where two lines cross, each gets the other above it or loses it: an event on both.
- A part of a line is bare, and bounds the covered area, if it has layers on one side only. The area
  under the bare parts is the covered area; only bare parts pull (`spans` is cut down to them).

Ends are compared by x, then y, as if the pixel were sheared by next to nothing: vertical and touching
lines need no tolerance then, because lines that share a vertex hold the same two numbers. A pixel
with more than `CAPACITY` pieces or `EVENTS` events keeps its mean number of layers.
"""

import numpy as np
from numba import njit

LANES = 16
"""Frames handled side by side: one AVX-512 register of float32."""

CAPACITY = 128
"""Pieces in one pixel that are united exactly."""

EVENTS = 1024
"""Events (two a crossing) in one pixel that are united exactly."""

NEAR = 1e-9
"""Distance in pixels below which lines touch instead of crossing, or a piece ends at the top edge."""

RIGHT, LEFT, DOWN, UP, CHAIN = 1, 2, 4, 8, 16
"""Code of a piece: ways it runs, plus `CHAIN` unless it goes on from another in the same pixel. The
codes of a pixel make its mark: ways by or, chains by sum. A negative mark is -1 - its last piece."""

LANE_OF_BYTE = np.uint64(0x0001020304050607)
"""Times 256^k, its top byte is k."""


@njit(cache=True, nogil=True, error_model="numpy")
def cover(points: np.ndarray, faces: np.ndarray, edges: np.ndarray, image: np.ndarray) -> int:
    """Write coverage into `image` (N, H, W); returns the first frame with bad points, or -1."""
    frames, height, width = image.shape
    layers = np.zeros((height + 1, width), dtype=points.dtype)
    marks = np.zeros((height, width), dtype=np.int32)
    contour = np.empty((LANES, len(edges)), dtype=np.int32)
    cells, shapes, spans = _room(1024, height, width)
    for first in range(0, frames, LANES):
        block, bad = _load(points, first)
        if bad >= 0:
            return first + bad
        counts = _find_contours(block, faces, edges, contour)
        for lane in range(min(LANES, frames - first)):
            ends = _edge_ends(block, edges, contour[lane], counts[lane], lane)
            pieces, cells, shapes, spans = _cut(ends, height, width, cells, shapes, spans)
            layers[:] = 0
            _add_areas(cells, shapes, pieces, layers, marks)
            _unite(cells, shapes, spans, pieces, layers, marks)
            _resolve_coverage(layers, image[first + lane])
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def pull_back(
    points: np.ndarray, faces: np.ndarray, edges: np.ndarray, image: np.ndarray, grad: np.ndarray
) -> None:
    """Add to `grad` (V, 2, N) the gradient of sum(image * C), `image` (N, H, W)."""
    frames, height, width = image.shape
    layers = np.zeros((height + 1, width), dtype=points.dtype)
    marks = np.zeros((height, width), dtype=np.int32)
    contour = np.empty((LANES, len(edges)), dtype=np.int32)
    cells, shapes, spans = _room(1024, height, width)
    for first in range(0, frames, LANES):
        block, _ = _load(points, first)
        counts = _find_contours(block, faces, edges, contour)
        for lane in range(min(LANES, frames - first)):
            frame = first + lane
            ends = _edge_ends(block, edges, contour[lane], counts[lane], lane)
            pieces, cells, shapes, spans = _cut(ends, height, width, cells, shapes, spans)
            layers[:] = 0
            _add_areas(cells, shapes, pieces, layers, marks)
            _unite(cells, shapes, spans, pieces, layers, marks)
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
    layers = np.zeros((height + 1, width), dtype=points.dtype)
    marks = np.zeros((height, width), dtype=np.int32)
    contour = np.empty((LANES, len(edges)), dtype=np.int32)
    cells, shapes, spans = _room(1024, height, width)
    for first in range(0, frames, LANES):
        block, bad = _load(points, first)
        if bad >= 0:
            return first + bad
        counts = _find_contours(block, faces, edges, contour)
        for lane in range(min(LANES, frames - first)):
            frame = first + lane
            ends = _edge_ends(block, edges, contour[lane], counts[lane], lane)
            pieces, cells, shapes, spans = _cut(ends, height, width, cells, shapes, spans)
            layers[:] = 0
            _add_areas(cells, shapes, pieces, layers, marks)
            _unite(cells, shapes, spans, pieces, layers, marks)
            loss[frame] = _resolve_l2(layers, mask[frame])
            pulls = _pulls(cells, spans, pieces, layers, len(ends))
            _scatter(pulls, ends, edges, contour[lane], grad, frame)
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def _room(pieces: int, height: int, width: int) -> tuple:
    """Memory for at least `pieces` pieces and one more edge across the whole image."""
    size = pieces + 2 * width + height + 16
    return np.empty((size, 4), dtype=np.int32), np.empty((size, 4)), np.empty((size, 2))


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
    for e in range(len(edges)):
        one, two = edges[e, 2], edges[e, 3]
        for half in range(2):
            differ = words[one, half] ^ words[two, half]
            while differ:
                lowest = differ & (~differ + np.uint64(1))
                # The lowest byte that differs, found by a product instead of a search.
                where = 8 * half + np.int64((lowest * LANE_OF_BYTE) >> np.uint64(56))
                contour[where, counts[where]] = 2 * e + positive[two, where]
                counts[where] += 1
                differ ^= lowest
    return counts


@njit(cache=True, nogil=True, error_model="numpy")
def _edge_ends(
    block: np.ndarray, edges: np.ndarray, contour: np.ndarray, count: int, lane: int
) -> np.ndarray:
    """Start x, y and end x, y of each contour edge, (count, 4) float64."""
    ends = np.empty((count, 4), dtype=np.float64)
    for s in range(count):
        edge, back = contour[s] >> 1, contour[s] & 1
        start, end = edges[edge, back], edges[edge, 1 - back]
        ends[s, 0], ends[s, 1] = block[start, 0, lane], block[start, 1, lane]
        ends[s, 2], ends[s, 3] = block[end, 0, lane], block[end, 1, lane]
    return ends


@njit(cache=True, nogil=True, error_model="numpy")
def _cut(
    ends: np.ndarray, height: int, width: int, cells: np.ndarray, shapes: np.ndarray, spans: np.ndarray
) -> tuple:
    """Cut all edges at the pixel grid; returns the number of pieces and their (grown) memory.

    Parts left, right and below the image are dropped: they cover nothing inside.
    """
    count = 0
    for s in range(len(ends)):
        if count + 2 * width + height + 16 > len(cells):
            grown_cells, grown_shapes, grown_spans = _room(2 * len(cells), height, width)
            grown_cells[:count], grown_shapes[:count], grown_spans[:count] = (
                cells[:count],
                shapes[:count],
                spans[:count],
            )
            cells, shapes, spans = grown_cells, grown_shapes, grown_spans
        x0, y0, x1, y1 = ends[s, 0], ends[s, 1], ends[s, 2], ends[s, 3]
        dx, dy = x1 - x0, y1 - y0
        code = RIGHT * (dx > 0) + LEFT * (dx < 0) + DOWN * (dy > 0) + UP * (dy < 0)
        column, row = np.floor(x0), np.floor(y0)
        if column == x0 or row == y0:
            code |= CHAIN
        t0, t1 = 0.0, 1.0
        if not (min(x0, x1) >= 0 and max(x0, x1) < width and min(y0, y1) >= 0 and max(y0, y1) < height):
            t0, t1 = _clip(x0, dx, 0.0, width, t0, t1)
            above0, above1 = _clip(y0, dy, -np.inf, 0.0, t0, t1)
            if above0 < above1:
                count = _march(
                    s, x0, -1.0, x1, -1.0, above0, above1, 1, width, count, code, cells, shapes, spans
                )
            t0, t1 = _clip(y0, dy, 0.0, height, t0, t1)
            if not t0 < t1:
                continue
            if t0 > 0:
                code |= CHAIN
        elif column == np.floor(x1) and row == np.floor(y1):
            cells[count, 0], cells[count, 1], cells[count, 2] = int(row), int(column), s
            cells[count, 3] = code
            shapes[count, 0], shapes[count, 1], shapes[count, 2], shapes[count, 3] = (
                x0 - column,
                y0 - row,
                x1 - column,
                y1 - row,
            )
            spans[count, 0], spans[count, 1] = 1.0, 0.5
            count += 1
            continue
        count = _march(s, x0, y0, x1, y1, t0, t1, height, width, count, code, cells, shapes, spans)
    return count, cells, shapes, spans


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
    y0: float,
    x1: float,
    y1: float,
    t0: float,
    t1: float,
    height: int,
    width: int,
    count: int,
    code: int,
    cells: np.ndarray,
    shapes: np.ndarray,
    spans: np.ndarray,
) -> int:
    """Step from cell to cell between fractions t0 and t1 (Amanatides & Woo 1987).

    With y0 = y1 = -1 the pieces get row -1. Returns the new number of pieces.
    """
    dx, dy = x1 - x0, y1 - y0
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
    t, x, y = t0, x0 + dx * t0, y0 + dy * t0
    while True:
        t_next = min(t_x, t_y, t1)
        if t_next > t:
            x_next, y_next = (x1, y1) if t_next == 1 else (x0 + dx * t_next, y0 + dy * t_next)
            cells[count, 0], cells[count, 1], cells[count, 2], cells[count, 3] = row, column, edge, code
            shapes[count, 0], shapes[count, 1] = x - column, y - row
            shapes[count, 2], shapes[count, 3] = x_next - column, y_next - row
            spans[count, 0], spans[count, 1] = t_next - t, 0.5 * (t + t_next)
            count += 1
            t, x, y = t_next, x_next, y_next
        code = code | CHAIN
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
    cells: np.ndarray, shapes: np.ndarray, pieces: int, layers: np.ndarray, marks: np.ndarray
) -> None:
    """Fill `layers` (H + 1, W), and add up the codes of the pieces in each pixel in `marks` (H, W).

    The signed area under each piece goes to its own row by height, to the rows below by prefix sum.
    """
    for p in range(pieces):
        row, column, code = cells[p, 0], cells[p, 1], cells[p, 3]
        area = shapes[p, 2] - shapes[p, 0]
        depth = 0.5 * (shapes[p, 1] + shapes[p, 3])
        if row < 0:
            row, depth = 0, 0.0
        else:
            marks[row, column] = (marks[row, column] | (code % CHAIN)) + (code & CHAIN)
        layers[row, column] += area * (1 - depth)
        layers[row + 1, column] += area * depth
    for row in range(1, len(layers) - 1):
        for column in range(layers.shape[1]):
            layers[row, column] += layers[row - 1, column]


@njit(cache=True, nogil=True, error_model="numpy")
def _unite(
    cells: np.ndarray,
    shapes: np.ndarray,
    spans: np.ndarray,
    pieces: int,
    layers: np.ndarray,
    marks: np.ndarray,
) -> None:
    """Replace mean layers by covered area where one pixel can hold 0 and 2 layers; clears `marks`.

    Pieces there keep the bare part of their span. Their codes become links to the piece before.
    """
    lines, events, ports = np.empty((CAPACITY, 7)), np.empty((EVENTS, 2)), np.empty((2 * CAPACITY, 2))
    links, beside = np.empty(CAPACITY + EVENTS, dtype=np.int64), np.empty(CAPACITY, dtype=np.int64)
    firsts = np.empty(pieces, dtype=np.int64)
    count = 0
    for p in range(pieces):
        row, column = cells[p, 0], cells[p, 1]
        if row >= 0:
            mark = marks[row, column]
            turns_x, turns_y = mark & (RIGHT | LEFT) == RIGHT | LEFT, mark & (DOWN | UP) == DOWN | UP
            if mark < 0 or mark // CHAIN != 1 or (turns_x and turns_y):
                firsts[count] = p
                count += mark >= 0
                cells[p, 3] = min(mark, 0)
                marks[row, column] = -1 - p
    for k in range(count):
        row, column = cells[firsts[k], 0], cells[firsts[k], 1]
        last = -1 - marks[row, column]
        layers[row, column] = _union(
            cells, shapes, spans, last, layers[row, column], lines, events, links, ports, beside
        )
    for p in range(pieces):
        if cells[p, 0] >= 0:
            marks[cells[p, 0], cells[p, 1]] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _union(
    cells: np.ndarray,
    shapes: np.ndarray,
    spans: np.ndarray,
    last: int,
    mean: float,
    lines: np.ndarray,
    events: np.ndarray,
    links: np.ndarray,
    ports: np.ndarray,
    beside: np.ndarray,
) -> float:
    """Covered area of a pixel with `mean` layers whose list of pieces begins with `last`.

    Lines hold left x, y, right x, y, slope, sign (layers below minus above), layers above the left end.
    Events hold place on the line (0 left, 1 right) and change of the layers above. A line's events form
    a list: `links` has the first of each line, then the next of each event (event + CAPACITY), or -1.
    """
    count, crossed, under, p = 0, 0, 0.0, last
    while p >= 0:
        if count == CAPACITY:
            return mean
        x0, y0, x1, y1 = shapes[p, 0], shapes[p, 1], shapes[p, 2], shapes[p, 3]
        # Lines from the left edge of the pixel all start at 0: in order of y, not of rounding.
        x0, x1 = (0.0 if x0 < NEAR else x0), (0.0 if x1 < NEAR else x1)
        forward = (x0 < x1) | ((x0 == x1) & (y0 <= y1))
        lines[count, 0], lines[count, 1] = (x0 if forward else x1), (y0 if forward else y1)
        lines[count, 2], lines[count, 3] = (x1 if forward else x0), (y1 if forward else y0)
        lines[count, 4] = (y1 - y0) / (x1 - x0)
        lines[count, 5] = 1.0 if forward else -1.0
        links[count] = -1
        under += (x1 - x0) * (1 - 0.5 * (y0 + y1))
        if min(y0, y1) < NEAR:
            if y0 < NEAR:
                ports[crossed, 0], ports[crossed, 1] = x0, -1.0
                under -= 1 - x0
                crossed += 1
            if y1 < NEAR:
                ports[crossed, 0], ports[crossed, 1] = x1, 1.0
                under += 1 - x1
                crossed += 1
        count += 1
        p = -1 - cells[p, 3]
    corner = np.round(mean - under)
    area = _enter(lines, count, ports, crossed, corner)
    if not _compare(lines, count, events, links, beside):
        return mean
    p = last
    for i in range(count):
        area += _keep_bare(spans, p, lines, i, events, links)
        p = -1 - cells[p, 3]
    return min(max(area, 0.0), 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _enter(lines: np.ndarray, count: int, ports: np.ndarray, crossed: int, corner: float) -> float:
    """Set layers above each line to those at the top edge; returns the covered length of that edge."""
    for i in range(count):
        lines[i, 6] = corner
    length = 1.0 * (corner >= 1)
    for k in range(crossed):
        x, step, above = ports[k, 0], ports[k, 1], corner
        for other in range(crossed):
            if ports[other, 0] < x or (ports[other, 0] == x and other < k):
                above += ports[other, 1]
        if (above >= 1) != (above + step >= 1):
            length += step * (1 - x)
        for i in range(count):
            lines[i, 6] += step * (x <= lines[i, 0])
    return length


@njit(cache=True, nogil=True, error_model="numpy")
def _compare(
    lines: np.ndarray, count: int, events: np.ndarray, links: np.ndarray, beside: np.ndarray
) -> bool:
    """Count the lines above each left end and list the crossings; False if there are too many."""
    found = 0
    for j in range(1, count):
        lx, ly, rx, ry = lines[j, 0], lines[j, 1], lines[j, 2], lines[j, 3]
        listed = 0
        for i in range(j):
            # Written whether it overlaps in x or not, kept only if it does: cheaper than a branch.
            beside[listed] = i
            ends_after = (lines[i, 2] > lx) | ((lines[i, 2] == lx) & (lines[i, 3] > ly))
            starts_before = (lines[i, 0] < rx) | ((lines[i, 0] == rx) & (lines[i, 1] < ry))
            listed += ends_after & starts_before
        for k in range(listed):
            i = beside[k]
            later = (lines[i, 0] > lx) | ((lines[i, 0] == lx) & (lines[i, 1] > ly))
            a, b = (j if later else i), (i if later else j)  # b starts where a already runs
            alx, aly, arx, ary, a_slope = lines[a, 0], lines[a, 1], lines[a, 2], lines[a, 3], lines[a, 4]
            blx, bly, brx, bry, b_slope = lines[b, 0], lines[b, 1], lines[b, 2], lines[b, 3], lines[b, 4]
            # How far a lies below b where both run: from b's start to x. The height of a line at an x
            # is always reckoned alike, so that lines that share a vertex agree on its side.
            x = min(arx, brx)
            a_end = ary if x == arx else aly + (x - alx) * a_slope
            b_end = bry if x == brx else bly + (x - blx) * b_slope
            start, end = aly + (blx - alx) * a_slope - bly, a_end - b_end
            above, above_then = start < 0, end < 0
            if not (abs(start) > NEAR and abs(end) > NEAR):
                a_first = arx < brx or (arx == brx and ary <= bry)
                if alx == arx:
                    start = 0.0
                    a_end = ary if a_first else bry
                if blx == brx:
                    b_end = ary if a_first else bry
                end = a_end - b_end
                # A vertex of b on a counts as below a, one of a on b as below b.
                above, above_then = start <= 0, (end < 0 if a_first else end <= 0)
                together = alx == blx and aly == bly
                if together:
                    above = above_then
                if arx == brx and ary == bry:
                    above_then = above
                if together and not above:
                    lines[a, 6] += lines[b, 5]
            lines[b, 6] += lines[a, 5] * above
            if above != above_then:
                if found + 2 > EVENTS:
                    return False
                share = start / (start - end) if start != end else 1.0
                x, y = blx + share * (x - blx), bly + share * (b_end - bly)
                gain = 1.0 if above else -1.0
                _add_event(lines, a, events, links, found, x, y, gain * lines[b, 5])
                _add_event(lines, b, events, links, found + 1, x, y, -gain * lines[a, 5])
                found += 2
    return True


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _add_event(
    lines: np.ndarray,
    i: int,
    events: np.ndarray,
    links: np.ndarray,
    number: int,
    x: float,
    y: float,
    change: float,
) -> None:
    """Layers above the line change at its point next to (x, y)."""
    dx, dy = lines[i, 2] - lines[i, 0], lines[i, 3] - lines[i, 1]
    place = ((x - lines[i, 0]) * dx + (y - lines[i, 1]) * dy) / (dx * dx + dy * dy)
    events[number, 0], events[number, 1] = min(max(place, 0.0), 1.0), change
    links[CAPACITY + number], links[i] = links[i], CAPACITY + number


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _keep_bare(
    spans: np.ndarray, p: int, lines: np.ndarray, i: int, events: np.ndarray, links: np.ndarray
) -> float:
    """Cut the span of piece p, line i, down to its bare part; returns the signed area under that."""
    lx, ly, rx, ry = lines[i, 0], lines[i, 1], lines[i, 2], lines[i, 3]
    sign, above = lines[i, 5], lines[i, 6]
    if links[i] < 0:
        bare = 1.0 * ((above >= 1) != (above + sign >= 1))
        spans[p, 0] *= bare
        return bare * sign * (rx - lx) * (1 - 0.5 * (ly + ry))
    begin, length, moment = 0.0, 0.0, 0.0
    while True:
        end, nearest, before, link = 1.0, -1, i, i
        while links[link] >= 0:
            if events[links[link] - CAPACITY, 0] <= end:
                before, nearest = link, links[link]
                end = events[nearest - CAPACITY, 0]
            link = links[link]
        if (above >= 1) != (above + sign >= 1):
            part, middle = end - begin, 0.5 * (begin + end)
            length += part
            moment += part * (middle if sign > 0 else 1 - middle)
        if nearest < 0:
            break
        above += events[nearest - CAPACITY, 1]
        begin = end
        links[before] = links[nearest]
    if length == 0:
        spans[p, 0] = 0.0
        return 0.0
    middle = moment / length
    spans[p, 1] += spans[p, 0] * (middle - 0.5)
    spans[p, 0] *= length
    depth = ly + (ry - ly) * (middle if sign > 0 else 1 - middle)
    return sign * (rx - lx) * length * (1 - depth)


@njit(cache=True, nogil=True, error_model="numpy")
def _resolve_coverage(layers: np.ndarray, image: np.ndarray) -> None:
    """Layers clipped to [0, 1]."""
    height, width = image.shape
    zero, one = layers.dtype.type(0), layers.dtype.type(1)
    for row in range(height):
        for column in range(width):
            image[row, column] = max(zero, min(layers[row, column], one))


@njit(cache=True, nogil=True, error_model="numpy")
def _resolve_l2(layers: np.ndarray, mask: np.ndarray) -> float:
    """Sum of squared differences; turns layers into dL/dA."""
    height, width = mask.shape
    sums = np.zeros(width, dtype=layers.dtype)
    zero, one, two = layers.dtype.type(0), layers.dtype.type(1), layers.dtype.type(2)
    scale = layers.dtype.type(1 / 255)
    for row in range(height):
        for column in range(width):
            layer = layers[row, column]
            covered = max(zero, min(layer, one))
            residual = covered - layers.dtype.type(mask[row, column]) * scale
            sums[column] += residual * residual
            layers[row, column] = two * residual if layer < one else zero
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
            dx, dy = ends[s, 2] - ends[s, 0], ends[s, 3] - ends[s, 1]
            grad[start, 0, frame] += pulls[s, 0] * dy
            grad[start, 1, frame] -= pulls[s, 0] * dx
            grad[end, 0, frame] += pulls[s, 1] * dy
            grad[end, 1, frame] -= pulls[s, 1] * dx
