"""Numba kernels of `jointreg.silhouette`: contour edges, exact pixel areas, and their gradient.

In one file on purpose: numba's cache on disk does not notice edits in a second file.

Points come as (V, 2, groups, L): a group of L frames side by side, innermost. Each frame is drawn in
a window around its contour, in coordinates shifted so that pixel (row, column) of the window is the
cell [column, column + 1] x [row, row + 1]. Images of the window have one more row on top, for what
lies above the image: there the contour covers the whole column below itself. All scalars are float64;
only images have the dtype of the points. Kernels borrow arrays and count no references (`_nrt`):
counting takes a fifth of the time of calls this small.

A frame's contour is first cut into pieces, each inside one pixel, numbered from 1. `shapes` (6, P):
start x, y and end x, y inside the pixel, length and middle as fractions of the edge. `cells` (4, P):
pixel, edge, code, and the piece before in the same pixel (0: none), a list that `heads` begins.

Layers are the faces of positive sign over a point: never negative, and at least 1 exactly where any
face lies, including where the mesh intersects itself. Their mean over a pixel, cut off at 1, is the
covered area unless the pixel holds 0 and 2 layers at once. One chain of pieces that runs through a pixel
without crossing itself has n layers on one side and n + 1 on the other. A chain cannot cross itself
if it does not turn back in both x and y, or has only two pieces. Every other pixel with pieces goes
to `_union`:

- Each piece, taken from left to right (from the top if vertical), is a line with as many layers above
  it as the pixel has at its top edge there, plus or minus one for each line above its left end.
- The number at the top edge follows from the mean: only one whole number is consistent with it.
- Where two lines cross, each gains or loses the layers of the other: an event on both.
- A part of a line is bare, and bounds the covered area, if it has layers on one side only. The area
  under the bare parts is the covered area; only bare parts pull (their length is cut down to them).

End points are ordered by x, then by y, which is equivalent to an infinitesimal shear. Vertical and
touching lines then need no tolerance, because lines that share a vertex contain the same two numbers.
One line is compared with eight others at a time, without branches. The few pairs that touch where they
should cross or run past each other are settled one by one (`_touch`). A pixel with more than `CAPACITY`
pieces or `EVENTS` events keeps its mean number of layers.
"""

from typing import Any

import numpy as np
from numba import njit

LANES, BLOCK = 16, 8
"""Most frames, and lines, handled side by side: one AVX-512 register of float32, of float64."""

FEW_LANES = 8
"""Frames side by side where there are no more of them."""

CAPACITY = 128
"""Pieces in one pixel that are united exactly."""

EVENTS = 1024
"""Events (two a crossing) in one pixel that are united exactly."""

NEAR = 1e-9
"""Distance in pixels below which lines touch instead of crossing, or a piece ends at the top edge."""

RIGHT, LEFT, DOWN, UP, PIECE, CHAIN = 1, 2, 4, 8, 16, 1 << 18
"""Code of a piece: its directions, `PIECE`, and `CHAIN` unless it continues another in the same pixel.
The last piece of a pixel's list has the mark of all: directions joined by or, the rest by sum."""

LX, LY, RX, RY, SLOPE, ABOVE, PART, REACH, ROWS = range(9)
"""Rows of a line: left end, right end, slope, layers above the left end less those at the pixel's
corner, signed area under it, how far right it can have others beside it."""

LANE = np.zeros(37, dtype=np.int64)
"""Lane of a bit by its remainder: no two powers of 2 leave the same."""
LANE[[2**lane % 37 for lane in range(BLOCK)]] = np.arange(BLOCK)

LARGEST_PX = 1e9
"""Farthest that a vertex may lie from the image, pixels. Beyond 1e12 px areas lose their digits."""

COVER, PULL, L2 = range(3)
"""What `draw` does: write coverage, pull back the gradient of a weighted sum of it, or of `l2`."""

ALLOCATING: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
BORROWING: dict[str, Any] = {**ALLOCATING, "_nrt": False}
allocating, kernel, inlined = (
    njit(**ALLOCATING),
    njit(**BORROWING),
    njit(**BORROWING, forceinline=True),
)


@allocating
def draw(
    task: int,
    frames: int,
    points: np.ndarray,
    faces: np.ndarray,
    edges: np.ndarray,
    mask: np.ndarray,
    image: np.ndarray,
    loss: np.ndarray,
    grad: np.ndarray,
    area: np.ndarray,
) -> int:
    """Do a task for the first `frames` frames; returns the first with a bad point, or -1.

    `COVER` writes coverage into `image` (N, H, W), zero before. `PULL` adds the gradient of
    sum(image * coverage) to `grad`, of the shape of `points`. `L2` writes the sum of
    (mask / 255 - coverage)^2 into `loss` (N,) and adds its gradient to `grad`, and to `area`, unless
    that is empty, the gradient of the covered area where the loss has a gradient. Other arrays are
    not used.
    """
    height, width = (mask.shape[1], mask.shape[2]) if task == L2 else (image.shape[1], image.shape[2])
    layers = np.zeros((height + 2, width), dtype=points.dtype)
    heads = np.zeros((height + 1, width), dtype=np.int32)
    contour = np.empty((LANES, len(edges)), dtype=np.int32)
    positive = np.zeros((len(faces), LANES), dtype=np.uint8)
    ends, pulls = np.empty((5, len(edges))), np.empty((4, len(edges)))
    counts, window = np.empty(LANES, dtype=np.int64), np.empty(4, dtype=np.int64)
    sums = np.zeros(width, dtype=points.dtype)
    room = 8192
    cells, shapes = np.empty((4, room), dtype=np.int32), np.empty((6, room))
    lanes = points.shape[3]
    for group in range(points.shape[2]):
        bad = _first_bad(points, group, frames)
        if bad >= 0:
            return bad
        _find_contours(points, group, faces, edges, positive, contour, counts)
        for lane in range(min(lanes, frames - group * lanes)):
            frame, count = group * lanes + lane, counts[lane]
            _edge_ends(points, group, lane, edges, contour, count, height, width, ends, window)
            left, top, right, bottom = window[0], window[1], window[2], window[3]
            rows, columns = bottom - top, right - left
            pieces = _cut(ends, count, rows, columns, width, cells, shapes)
            while pieces < 0:
                room *= 2
                cells, shapes = np.empty((4, room), dtype=np.int32), np.empty((6, room))
                pieces = _cut(ends, count, rows, columns, width, cells, shapes)
            _add_areas(cells, shapes, pieces, layers, heads)
            _sum_down(layers, rows, columns)
            _unite(cells, shapes, ends, pieces, heads, layers)
            if task == COVER:
                _resolve_coverage(layers, image[frame, top:bottom, left:right])
            else:
                if task == L2:
                    _add_squares(mask[frame], sums)
                    _resolve_l2(layers, mask[frame, top:bottom, left:right], sums)
                    loss[frame] = _take_sum(sums)
                else:
                    _load_slopes(layers, image[frame, top:bottom, left:right])
                _pull(cells, shapes, pieces, layers, pulls, count)
                _scatter(pulls[:2], ends, count, edges, contour, group, lane, grad)
                if area.size > 0:
                    _measure(cells, shapes, pieces, layers, pulls[2:], count)
                    _scatter(pulls[2:], ends, count, edges, contour, group, lane, area)
            _clear(layers, heads, rows, columns)
    return -1


@kernel
def _first_bad(points: np.ndarray, group: int, frames: int) -> int:
    """First frame of a group with a point that is not finite or beyond `LARGEST_PX`, or -1."""
    total, lanes = points.dtype.type(0), points.shape[3]
    to_infinity = points.dtype.type(np.finfo(points.dtype).max / LARGEST_PX)
    for v in range(points.shape[0]):
        for axis in range(2):
            part = points.dtype.type(0)
            for lane in range(lanes):
                part += points[v, axis, group, lane] * to_infinity * 0
            total += part
    if total == 0:  # not where a point is NaN, infinite, or becomes so by the factor
        return -1
    for lane in range(min(lanes, frames - group * lanes)):
        for v in range(points.shape[0]):
            for axis in range(2):
                if not abs(points[v, axis, group, lane]) <= LARGEST_PX:
                    return group * lanes + lane
    return -1


@kernel
def _find_contours(
    points: np.ndarray,
    group: int,
    faces: np.ndarray,
    edges: np.ndarray,
    positive: np.ndarray,
    contour: np.ndarray,
    counts: np.ndarray,
) -> None:
    """List each lane's edges between a face of positive area and another, and their number.

    Entries are 2 * edge, plus 1 where the positive face runs through the edge backwards.
    """
    lanes = points.shape[3]  # not a constant: that would be unrolled into scalars
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for lane in range(lanes):
            ux = points[b, 0, group, lane] - points[a, 0, group, lane]
            uy = points[b, 1, group, lane] - points[a, 1, group, lane]
            wx = points[c, 0, group, lane] - points[a, 0, group, lane]
            wy = points[c, 1, group, lane] - points[a, 1, group, lane]
            positive[f, lane] = ux * wy > wx * uy
    words = positive.view(np.uint64)
    for lane in range(lanes):
        counts[lane] = 0
    for e in range(len(edges)):
        one, two = edges[e, 2], edges[e, 3]
        if (words[one, 0] ^ words[two, 0]) | (words[one, 1] ^ words[two, 1]):
            for lane in range(lanes):  # written always, kept if it counts: cheaper than a branch
                contour[lane, counts[lane]] = 2 * e + positive[two, lane]
                counts[lane] += positive[one, lane] != positive[two, lane]


@kernel
def _edge_ends(
    points: np.ndarray,
    group: int,
    lane: int,
    edges: np.ndarray,
    contour: np.ndarray,
    count: int,
    height: int,
    width: int,
    ends: np.ndarray,
    window: np.ndarray,
) -> None:
    """Write start x, y, end x, y and slope of each contour edge into `ends` (5, edges).

    `window` (left, top, right, bottom) becomes the part of the image around them.
    """
    low_x, low_y, high_x, high_y = 1.0 * width, 1.0 * height, 0.0, 0.0
    for s in range(count):
        edge, back = contour[lane, s] >> 1, contour[lane, s] & 1
        start, end = edges[edge, back], edges[edge, 1 - back]
        x, y = points[start, 0, group, lane] + 0.5, points[start, 1, group, lane] + 0.5
        ends[0, s], ends[1, s] = x, y
        ends[2, s] = points[end, 0, group, lane] + 0.5
        ends[3, s] = points[end, 1, group, lane] + 0.5
        low_x, low_y, high_x, high_y = min(low_x, x), min(low_y, y), max(high_x, x), max(high_y, y)
    window[0], window[1] = int(max(low_x, 0.0)), int(max(low_y, 0.0))
    window[2] = max(int(min(high_x, width - 1.0)) + 1, window[0])
    window[3] = max(int(min(high_y, height - 1.0)) + 1, window[1])
    left, top = 1.0 * window[0], 1.0 * window[1]
    for s in range(count):
        ends[0, s] -= left
        ends[1, s] -= top
        ends[2, s] -= left
        ends[3, s] -= top
        ends[4, s] = (ends[3, s] - ends[1, s]) / (ends[2, s] - ends[0, s])


@kernel
def _cut(
    ends: np.ndarray,
    edges: int,
    height: int,
    width: int,
    stride: int,
    cells: np.ndarray,
    shapes: np.ndarray,
) -> int:
    """Cut all edges at the pixel grid.

    Returns one more than the number of pieces, or -1 if the arrays are full.

    Parts left, right and below the window are dropped: they cover nothing inside. `stride` is the
    width of the images that the window lies in.
    """
    count = 1
    cells[2, 0] = 0
    for s in range(edges):
        if count + 2 * width + height + 16 > cells.shape[1]:
            return -1
        x0, y0, x1, y1 = ends[0, s], ends[1, s], ends[2, s], ends[3, s]
        dx, dy = x1 - x0, y1 - y0
        code = PIECE + RIGHT * (dx > 0) + LEFT * (dx < 0) + DOWN * (dy > 0) + UP * (dy < 0)
        new = CHAIN * (np.floor(x0) == x0 or np.floor(y0) == y0)
        t0, t1 = 0.0, 1.0
        if not (min(x0, x1) >= 0 and max(x0, x1) < width and min(y0, y1) >= 0 and max(y0, y1) < height):
            t0, t1 = _clip(x0, dx, 0.0, width, t0, t1)
            above0, above1 = _clip(y0, dy, -np.inf, 0.0, t0, t1)
            if above0 < above1:
                count = _march(
                    s, x0, -1.0, x1, -1.0, above0, above1, 0, width, stride, 0, 0, count, cells, shapes
                )
            t0, t1 = _clip(y0, dy, 0.0, height, t0, t1)
            if not t0 < t1:
                continue
            if t0 > 0:
                new = CHAIN
        count = _march(s, x0, y0, x1, y1, t0, t1, height, width, stride, code, new, count, cells, shapes)
    return count


@inlined
def _clip(start: float, step: float, low: float, high: float, t0: float, t1: float) -> tuple:
    """Narrow [t0, t1] to where low <= start + step t <= high; t1 <= t0 where nothing is left."""
    if step > 0:
        return max(t0, (low - start) / step), min(t1, (high - start) / step)
    if step < 0:
        return max(t0, (high - start) / step), min(t1, (low - start) / step)
    return (t0, t1) if low <= start < high else (1.0, 0.0)


@kernel
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
    stride: int,
    code: int,
    new: int,
    count: int,
    cells: np.ndarray,
    shapes: np.ndarray,
) -> int:
    """Step from pixel to pixel between fractions t0 and t1 (Amanatides & Woo 1987).

    The first piece's code is code + new, the others' code + CHAIN. With height 0 and code 0 all lie
    in the row above the window. Returns the next piece's number.
    """
    dx, dy = x1 - x0, y1 - y0
    t, x, y = t0, x0 + dx * t0, y0 + dy * t0
    first_row, last_row, last_column = (0.0 if height > 0 else -1.0), height - 1.0, width - 1.0
    column = min(max(np.floor(x), 0.0), last_column)
    row = min(max(np.floor(y), first_row), last_row)
    step_x, step_y = (1.0 if dx > 0 else -1.0), (1.0 if dy > 0 else -1.0)
    inverse_x, inverse_y = 1 / dx, 1 / dy
    t_x = (column + (dx > 0) - x0) * inverse_x if dx != 0 else np.inf
    t_y = (row + (dy > 0) - y0) * inverse_y if dy != 0 else np.inf
    while True:
        sideways, t_next = t_x <= t_y, min(min(t_x, t_y), t1)
        x_next = x1 if t_next == 1 else x0 + dx * t_next
        y_next = y1 if t_next == 1 else y0 + dy * t_next
        cells[0, count] = int((row + 1) * stride + column)
        cells[1, count], cells[2, count] = edge, code + new
        shapes[0, count], shapes[1, count] = x - column, y - row
        shapes[2, count], shapes[3, count] = x_next - column, y_next - row
        shapes[4, count], shapes[5, count] = t_next - t, 0.5 * (t + t_next)
        count += t_next > t  # a piece of no length is overwritten
        if t_next >= t1:
            return count
        t, x, y = max(t, t_next), x_next, y_next
        new = CHAIN if code > 0 else 0
        # Rounding may step out of the window at its very border; what lies there has no length.
        column = min(max(column + (step_x if sideways else 0.0), 0.0), last_column)
        row = min(max(row + (0.0 if sideways else step_y), first_row), last_row)
        t_x += abs(inverse_x) if sideways else 0.0
        t_y += 0.0 if sideways else abs(inverse_y)


@kernel
def _add_areas(
    cells: np.ndarray, shapes: np.ndarray, pieces: int, layers: np.ndarray, heads: np.ndarray
) -> None:
    """Add the signed area under each piece to its own pixel by height, to the pixel below the rest.

    Also chains up the pieces of each pixel; the codes become marks.
    """
    flat, first, width = layers.reshape(-1), heads.reshape(-1), layers.shape[1]
    for p in range(1, pieces):
        cell, area = cells[0, p], shapes[2, p] - shapes[0, p]
        below = area * (0.5 * (shapes[1, p] + shapes[3, p]))
        flat[cell] += area - below
        flat[cell + width] += below
        before = first[cell]
        first[cell] = p
        cells[3, p] = before
        cells[2, p] = (cells[2, before] | (cells[2, p] % PIECE)) + (cells[2, p] // PIECE) * PIECE


@kernel
def _sum_down(layers: np.ndarray, height: int, width: int) -> None:
    """Mean layers of each pixel by running sums down the columns."""
    for row in range(1, height + 1):
        for column in range(width):
            layers[row, column] += layers[row - 1, column]


@allocating
def _unite(
    cells: np.ndarray,
    shapes: np.ndarray,
    ends: np.ndarray,
    pieces: int,
    heads: np.ndarray,
    layers: np.ndarray,
) -> None:
    """Replace mean layers by covered area where one pixel can hold 0 and 2 layers.

    Pieces there keep the bare part of their span.
    """
    lanes = np.empty((ROWS, 3 * CAPACITY // BLOCK, BLOCK))
    lines = lanes.reshape((ROWS, 3 * CAPACITY))
    signs = np.empty((3 * CAPACITY // BLOCK, BLOCK), dtype=np.int64)
    events, links = np.empty((EVENTS, 2)), np.empty(CAPACITY + EVENTS, dtype=np.int64)
    pairs, owners = np.empty(EVENTS, dtype=np.int64), np.empty(CAPACITY, dtype=np.int64)
    specials = np.empty((3 * CAPACITY // BLOCK, CAPACITY), dtype=np.int64)
    lasts = np.empty(pieces, dtype=np.int64)
    count = _list_crossed(cells, pieces, heads, lasts)
    flat = layers.reshape(-1)
    for k in range(count):
        cell = cells[0, lasts[k]]
        flat[cell] = _union(
            cells,
            shapes,
            ends,
            lasts[k],
            flat[cell],
            lines,
            lanes,
            signs,
            signs.reshape(-1),
            events,
            links,
            owners,
            specials,
            pairs,
        )


@kernel
def _list_crossed(cells: np.ndarray, pieces: int, heads: np.ndarray, lasts: np.ndarray) -> int:
    """List the last piece of each pixel that may hold 0 and 2 layers; returns their number."""
    count, first = 0, heads.reshape(-1)
    for p in range(1, pieces):
        mark = cells[2, p]
        turns = (mark & (RIGHT | LEFT) == RIGHT | LEFT) & (mark & (DOWN | UP) == DOWN | UP)
        chains, here = mark // CHAIN, (mark % CHAIN) // PIECE
        lasts[count] = p
        count += (first[cells[0, p]] == p) & (((chains != 1) & (here > 1)) | (turns & (here > 2)))
    return count


@inlined
def _union(
    cells: np.ndarray,
    shapes: np.ndarray,
    ends: np.ndarray,
    last: int,
    mean: float,
    lines: np.ndarray,
    lanes: np.ndarray,
    sign_lanes: np.ndarray,
    signs: np.ndarray,
    events: np.ndarray,
    links: np.ndarray,
    owners: np.ndarray,
    specials: np.ndarray,
    pairs: np.ndarray,
) -> float:
    """Covered area of a pixel with `mean` layers whose list of pieces begins with `last`.

    `lines` (ROWS, lines) and `signs` (layers below a line less those above) also come as `lanes` and
    `sign_lanes`, by blocks of `BLOCK`; `owners` are the lines' pieces. Behind the lines of pieces come
    those of `_add_ports`.
    """
    count, under, touched, p = 0, 0.0, False, last
    while p > 0:
        if count == CAPACITY:
            return mean
        if count % BLOCK == 0:
            _empty_block(lanes, count // BLOCK)
        x0, y0, x1, y1 = shapes[0, p], shapes[1, p], shapes[2, p], shapes[3, p]
        # Lines from the left edge of the pixel all start at 0: in order of y, not of rounding.
        x0, x1 = (0.0 if x0 < NEAR else x0), (0.0 if x1 < NEAR else x1)
        forward = (x0 < x1) | ((x0 == x1) & (y0 <= y1))
        lines[LX, count], lines[LY, count] = (x0 if forward else x1), (y0 if forward else y1)
        lines[RX, count], lines[RY, count] = (x1 if forward else x0), (y1 if forward else y0)
        # Vertical lines have no slope, and are never settled by comparing heights.
        lines[SLOPE, count] = np.nan if x0 == x1 else ends[4, cells[1, p]]
        lines[REACH, count] = max(x0, x1) + (NEAR if x0 == x1 else 0.0)
        signs[count] = 1 if forward else -1
        part = (x1 - x0) * (1 - 0.5 * (y0 + y1))
        enters, leaves = y0 < NEAR, y1 < NEAR
        under += part - (1 - x0 if enters else 0.0) + (1 - x1 if leaves else 0.0)
        touched |= enters | leaves
        lines[PART, count] = part
        owners[count] = p
        links[count] = -1
        count += 1
        p = cells[3, p]
    corner = np.floor(mean - under + 0.5)
    area, several = 1.0 * (corner >= 1), count
    if touched:
        several = _add_ports(lines, lanes, signs, count)
        area = _top_length(lines, signs, count, several, corner)
    found = _compare(lines, lanes, sign_lanes, count, several, specials, pairs)
    if found < 0:
        return mean
    if found > 0:
        _cross(lines, signs, found, events, links, pairs)
    for i in range(count):
        above = corner + lines[ABOVE, i]
        whole = ((above >= 1) != (above + signs[i] >= 1)) & (links[i] < 0)
        area += lines[PART, i] if whole else 0.0
        shapes[4, owners[i]] *= 1.0 if whole | (links[i] >= 0) else 0.0
    if found > 0:
        for i in range(count):
            if links[i] >= 0:
                above = corner + lines[ABOVE, i]
                area += _keep_bare(shapes, owners[i], lines, signs, above, i, events, links)
    return min(max(area, 0.0), 1.0)


@inlined
def _empty_block(lanes: np.ndarray, block: int) -> None:
    """Lines with no neighbour, for lanes that may stay unused."""
    for k in range(BLOCK):
        lanes[REACH, block, k] = -1.0


@inlined
def _add_ports(lines: np.ndarray, lanes: np.ndarray, signs: np.ndarray, count: int) -> int:
    """Make each end of a piece at the top edge the start of a line along that edge, above all others.

    So the layers along the top edge are counted with those of the lines. Returns the number of all.
    """
    several = count
    for i in range(count):
        for side in range(2):
            if lines[LY + 2 * side, i] < NEAR:
                if several % BLOCK == 0:
                    _empty_block(lanes, several // BLOCK)
                lines[LX, several], lines[LY, several] = lines[LX + 2 * side, i], -1.0
                lines[RX, several], lines[RY, several] = 2.0, -1.0
                lines[SLOPE, several], lines[REACH, several] = 0.0, 2.0
                signs[several] = signs[i] * (2 * side - 1)
                several += 1
    return several


@inlined
def _top_length(lines: np.ndarray, signs: np.ndarray, count: int, several: int, corner: float) -> float:
    """Covered length of the top edge."""
    length = 1.0 * (corner >= 1)
    for port in range(count, several):
        x, step, above = lines[LX, port], signs[port], corner
        for other in range(count, several):
            before = (lines[LX, other] < x) | ((lines[LX, other] == x) & (other < port))
            above += signs[other] * before
        length += step * (1 - x) * ((above >= 1) != (above + step >= 1))
    return length


@inlined
def _compare(
    lines: np.ndarray,
    lanes: np.ndarray,
    sign_lanes: np.ndarray,
    count: int,
    several: int,
    specials: np.ndarray,
    pairs: np.ndarray,
) -> int:
    """Count the lines above each left end, and list the pairs that cross or touch.

    Of a pair (a, b), b starts where a already runs. Touching pairs are listed from both sides and not
    counted. Returns twice the number of pairs, or -1 if they are too many.
    """
    for b in range(count):
        blx, bly, brx, bry = lines[LX, b], lines[LY, b], lines[RX, b], lines[RY, b]
        b_slope, above = lines[SLOPE, b], 0
        for block in range((several + BLOCK - 1) // BLOCK):
            special = 0
            for k in range(BLOCK):
                alx, aly = lanes[LX, block, k], lanes[LY, block, k]
                arx, ary = lanes[RX, block, k], lanes[RY, block, k]
                a_slope = lanes[SLOPE, block, k]
                beside = (alx <= blx) & (blx < lanes[REACH, block, k])
                # How far a lies below b where both run, as in `_cross`.
                start = aly + (blx - alx) * a_slope - bly
                a_end = ary if arx <= brx else aly + (brx - alx) * a_slope
                b_end = bry if brx <= arx else bly + (arx - blx) * b_slope
                end = a_end - b_end
                # Lines that share a vertex cannot cross: the other end decides.
                begin = end if (alx == blx) & (aly == bly) else start
                finish = start if (arx == brx) & (ary == bry) else end
                over = begin < 0
                clear = (abs(begin) > NEAR) & (abs(finish) > NEAR)
                # Lines that start at one x are compared in both orders: the upper one is a.
                crosses = (over != (finish < 0)) & ((alx != blx) | over)
                above += sign_lanes[block, k] if beside & clear & over else 0
                special |= (1 << k) if beside & (crosses | (not clear)) else 0
            specials[block, b] = special
        specials[b // BLOCK, b] &= ~(1 << (b % BLOCK))
        lines[ABOVE, b] = above
    # In a loop of its own: a branch that waits for the comparison would cost as much as that.
    found = 0
    for block in range((several + BLOCK - 1) // BLOCK):
        for b in range(count):
            special = specials[block, b]
            while special != 0:
                lowest = special & -special
                special ^= lowest
                if found + 2 > EVENTS:
                    return -1
                pairs[found], pairs[found + 1] = BLOCK * block + LANE[np.uint64(lowest % 37)], b
                found += 2
    return found


@inlined
def _cross(
    lines: np.ndarray,
    signs: np.ndarray,
    found: int,
    events: np.ndarray,
    links: np.ndarray,
    pairs: np.ndarray,
) -> None:
    """Make two events of each pair that crosses: on a and on b.

    Events hold place on the line (0 left, 1 right) and change of the layers above. A line's events form
    a list: `links` has the first of each line, then the next of each event (event + CAPACITY), or -1.
    """
    for k in range(0, found, 2):
        a, b = pairs[k], pairs[k + 1]
        alx, aly, arx, ary = lines[LX, a], lines[LY, a], lines[RX, a], lines[RY, a]
        blx, bly, brx, bry = lines[LX, b], lines[LY, b], lines[RX, b], lines[RY, b]
        # How far a lies below b where both run: from b's start to x. The height of a line at an x
        # is always reckoned alike, so that lines that share a vertex agree on its side.
        x = min(arx, brx)
        a_end = ary if x == arx else aly + (x - alx) * lines[SLOPE, a]
        b_end = bry if x == brx else bly + (x - blx) * lines[SLOPE, b]
        start, end = aly + (blx - alx) * lines[SLOPE, a] - bly, a_end - b_end
        over, over_then = start < 0, end < 0
        if not (abs(start) > NEAR and abs(end) > NEAR):
            start, end, b_end, over, over_then = _touch(lines, signs, a, b, start, a_end, b_end)
        share = start / (start - end) if start != end else 1.0
        x, y = blx + share * (x - blx), bly + share * (b_end - bly)
        gain = (over != over_then) * (1.0 if over else -1.0)
        events[k, 0], events[k, 1] = _place(lines, a, x, y), gain * signs[b]
        events[k + 1, 0], events[k + 1, 1] = _place(lines, b, x, y), -gain * signs[a]
    for k in range(found):
        if events[k, 1] != 0:
            i = pairs[k]
            links[CAPACITY + k], links[i] = links[i], CAPACITY + k


@kernel
def _touch(
    lines: np.ndarray, signs: np.ndarray, a: int, b: int, start: float, a_end: float, b_end: float
) -> tuple:
    """Settle a pair with an end of one on the other, or a vertical line, and count it above its ends.

    Returns how far a lies below b at b's start and where the first of them ends, b's height there, and
    whether a lies above b at both. For a pair that does not run side by side, or comes again as (b, a),
    the last two are equal.
    """
    alx, aly, arx, ary = lines[LX, a], lines[LY, a], lines[RX, a], lines[RY, a]
    blx, bly, brx, bry = lines[LX, b], lines[LY, b], lines[RX, b], lines[RY, b]
    starts_first = (alx < blx) | ((alx == blx) & ((aly < bly) | ((aly == bly) & (a < b))))
    ends_after = (arx > blx) | ((arx == blx) & (ary > bly))
    starts_before = (alx < brx) | ((alx == brx) & (aly < bry))
    if not (starts_first & ends_after & starts_before):
        return 0.0, 0.0, b_end, False, False
    a_first = arx < brx or (arx == brx and ary <= bry)
    if alx == arx:
        start = 0.0
        a_end = ary if a_first else bry
    if blx == brx:
        b_end = ary if a_first else bry
    end = a_end - b_end
    # A vertex of b on a counts as below a, one of a on b as below b.
    over, over_then = start <= 0, (end < 0 if a_first else end <= 0)
    together = alx == blx and aly == bly
    if together:
        over = over_then
    if arx == brx and ary == bry:
        over_then = over
    if together and not over:
        lines[ABOVE, a] += signs[b]
    lines[ABOVE, b] += signs[a] * over
    return start, end, b_end, over, over_then


@inlined
def _place(lines: np.ndarray, i: int, x: float, y: float) -> float:
    """Where along a line, from 0 to 1, its point next to (x, y) lies."""
    dx, dy = lines[RX, i] - lines[LX, i], lines[RY, i] - lines[LY, i]
    place = ((x - lines[LX, i]) * dx + (y - lines[LY, i]) * dy) / (dx * dx + dy * dy)
    return min(max(place, 0.0), 1.0)


@inlined
def _keep_bare(
    shapes: np.ndarray,
    p: int,
    lines: np.ndarray,
    signs: np.ndarray,
    above: float,
    i: int,
    events: np.ndarray,
    links: np.ndarray,
) -> float:
    """Cut the span of piece p, line i, down to its bare part; returns the signed area under that."""
    begin, length, moment, sign = 0.0, 0.0, 0.0, signs[i]
    only = links[i]
    if links[only] < 0:  # one event: no order to find, no branch to wait for its place
        place, change = events[only - CAPACITY, 0], events[only - CAPACITY, 1]
        begin = 0.0 if (above >= 1) != (above + sign >= 1) else place
        end = 1.0 if (above + change >= 1) != (above + change + sign >= 1) else place
        length, middle = end - begin, 0.5 * (begin + end)
        moment = length * (middle if sign > 0 else 1 - middle)
    several = links[only] >= 0
    while several:
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
        shapes[4, p] = 0.0
        return 0.0
    middle = moment / length
    shapes[5, p] += shapes[4, p] * (middle - 0.5)
    shapes[4, p] *= length
    ly, ry = lines[LY, i], lines[RY, i]
    depth = ly + (ry - ly) * (middle if sign > 0 else 1 - middle)
    return sign * (lines[RX, i] - lines[LX, i]) * length * (1 - depth)


@kernel
def _resolve_coverage(layers: np.ndarray, image: np.ndarray) -> None:
    """Layers clipped to [0, 1]."""
    zero, one = layers.dtype.type(0), layers.dtype.type(1)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            image[row, column] = max(zero, min(layers[row + 1, column], one))


@kernel
def _load_slopes(layers: np.ndarray, image: np.ndarray) -> None:
    """Replace the layers by the slopes in `image`."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            layers[row + 1, column] = image[row, column]


@kernel
def _add_squares(mask: np.ndarray, sums: np.ndarray) -> None:
    """Add the loss of an image without a body, by columns."""
    scale = sums.dtype.type(1 / 255)
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            value = sums.dtype.type(mask[row, column]) * scale
            sums[column] += value * value


@kernel
def _resolve_l2(layers: np.ndarray, mask: np.ndarray, sums: np.ndarray) -> None:
    """Add the change of the loss by the body, by columns, and turn layers into dL/dA."""
    zero, one, two = layers.dtype.type(0), layers.dtype.type(1), layers.dtype.type(2)
    scale = layers.dtype.type(1 / 255)
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            layer, value = layers[row + 1, column], layers.dtype.type(mask[row, column]) * scale
            residual = max(zero, min(layer, one)) - value
            sums[column] += residual * residual - value * value
            layers[row + 1, column] = two * residual if layer < one else zero


@kernel
def _take_sum(sums: np.ndarray) -> float:
    """Sum over columns, and set them to 0."""
    total = 0.0
    for column in range(len(sums)):
        total += sums[column]
        sums[column] = 0
    return total


@kernel
def _pull(
    cells: np.ndarray,
    shapes: np.ndarray,
    pieces: int,
    layers: np.ndarray,
    pulls: np.ndarray,
    edges: int,
) -> None:
    """Integral of dL/dA along each edge, weighted towards its start and its end, (2, edges)."""
    for s in range(edges):
        pulls[0, s], pulls[1, s] = 0.0, 0.0
    for column in range(layers.shape[1]):
        layers[0, column] = 0
    flat = layers.reshape(-1)
    for p in range(1, pieces):
        edge, value = cells[1, p], flat[cells[0, p]] * shapes[4, p]
        to_end = value * shapes[5, p]
        pulls[0, edge] += value - to_end
        pulls[1, edge] += to_end


@kernel
def _measure(
    cells: np.ndarray,
    shapes: np.ndarray,
    pieces: int,
    layers: np.ndarray,
    pulls: np.ndarray,
    edges: int,
) -> None:
    """As `_pull` with 1 in place of every dL/dA that is not 0: bare shares of each edge, (2, edges)."""
    for s in range(edges):
        pulls[0, s], pulls[1, s] = 0.0, 0.0
    flat = layers.reshape(-1)
    for p in range(1, pieces):
        edge, value = cells[1, p], shapes[4, p] * (flat[cells[0, p]] != 0)
        to_end = value * shapes[5, p]
        pulls[0, edge] += value - to_end
        pulls[1, edge] += to_end


@kernel
def _scatter(
    pulls: np.ndarray,
    ends: np.ndarray,
    count: int,
    edges: np.ndarray,
    contour: np.ndarray,
    group: int,
    lane: int,
    grad: np.ndarray,
) -> None:
    """Add pull times edge normal (dy, -dx) to the gradient of both end points."""
    for s in range(count):
        if pulls[0, s] != 0 or pulls[1, s] != 0:
            edge, back = contour[lane, s] >> 1, contour[lane, s] & 1
            start, end = edges[edge, back], edges[edge, 1 - back]
            dx, dy = ends[2, s] - ends[0, s], ends[3, s] - ends[1, s]
            grad[start, 0, group, lane] += pulls[0, s] * dy
            grad[start, 1, group, lane] -= pulls[0, s] * dx
            grad[end, 0, group, lane] += pulls[1, s] * dy
            grad[end, 1, group, lane] -= pulls[1, s] * dx


@kernel
def _clear(layers: np.ndarray, heads: np.ndarray, height: int, width: int) -> None:
    """Set the window to zero for the next frame."""
    for row in range(height + 2):
        for column in range(width):
            layers[row, column] = 0
    for row in range(height + 1):
        for column in range(width):
            heads[row, column] = 0
