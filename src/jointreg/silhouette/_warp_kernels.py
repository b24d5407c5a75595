"""Warp kernels of `jointreg.silhouette._warp_backend`; the algorithm is described in
`jointreg.silhouette._numba_kernels`.

Image coordinates are shifted by half a pixel, so that pixel (row, column) is the cell
[column, column + 1] x [row, row + 1]. A piece's cell is (frame, row, column, edge); row -1 is a piece
above the image, cut at columns only: it covers the whole column below itself. Its span is the length
and the middle of the piece as fractions of its edge (x, y, dx, dy).
"""
# mypy: ignore-errors
# Warp compiles these functions itself, from annotations of its own.

import warp as wp

wp.config.log_level = wp.LOG_ERROR  # no banner
wp.init()
wp.set_module_options({"enable_backward": False})

ZERO, HALF, ONE = (wp.constant(wp.float64(value)) for value in (0, 0.5, 1))
FAR = wp.constant(wp.float64(1e300))
Bytes, Image = wp.array2d(dtype=wp.uint8), wp.array3d(dtype=wp.float32)
RIGHT, LEFT, DOWN, UP, CHAIN = (wp.constant(value) for value in (1, 2, 4, 8, 16))
"""What the mark of a pixel is made of; chains count from `CHAIN` up."""
Codes = wp.array3d(dtype=wp.int32)
Points, Numbers = wp.array2d(dtype=wp.vec2f), wp.array(dtype=wp.int32)
Ends, Spans = wp.array(dtype=wp.vec4d), wp.array(dtype=wp.vec2d)
Pairs, Triples, Fours = (wp.array(dtype=kind) for kind in (wp.vec2i, wp.vec3i, wp.vec4i))


@wp.kernel
def turn(points: Points, faces: Triples, positive: Bytes):
    """Which faces have positive area."""
    n, f = wp.tid()
    a, b, c = points[n, faces[f][0]], points[n, faces[f][1]], points[n, faces[f][2]]
    u, w = b - a, c - a
    positive[n, f] = wp.where(u[0] * w[1] > w[0] * u[1], wp.uint8(1), wp.uint8(0))


@wp.kernel
def compare_faces(edges: Fours, positive: Bytes, direction: Bytes):
    """1 where the positive one of two faces runs through their edge forwards, 2 backwards, else 0."""
    n, e = wp.tid()
    one, two = positive[n, edges[e][2]], positive[n, edges[e][3]]
    direction[n, e] = wp.where(one == two, wp.uint8(0), wp.where(one > two, wp.uint8(1), wp.uint8(2)))


@wp.kernel
def count(
    points: Points,
    edges: Fours,
    direction: Bytes,
    chosen: Pairs,
    height: int,
    width: int,
    ends: Ends,
    vertices: Triples,
    counts: Numbers,
    cells: Fours,
    spans: Spans,
):
    """Ends of a contour edge, and the number of pieces the pixel grid cuts it into."""
    m = wp.tid()
    n, e = chosen[m][0], chosen[m][1]
    back = wp.where(direction[n, e] == wp.uint8(2), 1, 0)
    start, end = edges[e][back], edges[e][1 - back]
    shift = wp.vec2d(HALF, HALF)
    one, two = wp.vec2d(points[n, start]) + shift, wp.vec2d(points[n, end]) + shift
    vertices[m] = wp.vec3i(n, start, end)
    ends[m] = wp.vec4d(one[0], one[1], two[0] - one[0], two[1] - one[1])
    counts[m] = _cut_edge(ends[m], m, n, height, width, -1, cells, spans)


@wp.kernel
def cut(
    ends: Ends,
    vertices: Triples,
    counts: Numbers,
    stops: Numbers,
    height: int,
    width: int,
    cells: Fours,
    spans: Spans,
):
    """Write the pieces of a contour edge."""
    m = wp.tid()
    _cut_edge(ends[m], m, vertices[m][0], height, width, stops[m] - counts[m], cells, spans)


@wp.func
def _cut_edge(
    line: wp.vec4d,
    edge: int,
    frame: int,
    height: int,
    width: int,
    first: int,
    cells: Fours,
    spans: Spans,
) -> int:
    """Cut an edge at the pixel grid; write its pieces from `first` on (only count them if negative).

    Parts left, right and below the image are dropped: they cover nothing inside.
    """
    within = _clip(line[0], line[2], wp.float64(width), wp.vec2d(ZERO, ONE))
    inside = _clip(line[1], line[3], wp.float64(height), within)
    above = within
    if line[3] > ZERO:
        above = wp.vec2d(within[0], wp.min(within[1], -line[1] / line[3]))
    elif line[3] < ZERO:
        above = wp.vec2d(wp.max(within[0], -line[1] / line[3]), within[1])
    elif line[1] >= ZERO:
        above = wp.vec2d(ONE, ZERO)
    count = wp.int32(0)
    if above[0] < above[1]:
        flat = wp.vec4d(line[0], -ONE, line[2], ZERO)
        count = _march(flat, edge, frame, above, 1, width, first, count, cells, spans)
    if inside[0] < inside[1]:
        count = _march(line, edge, frame, inside, height, width, first, count, cells, spans)
    return count


@wp.func
def _clip(start: wp.float64, step: wp.float64, high: wp.float64, span: wp.vec2d) -> wp.vec2d:
    """Narrow a span to where 0 <= start + step t <= high; its end comes first if nothing is left."""
    if step == ZERO:
        if start < ZERO or start >= high:
            return wp.vec2d(ONE, ZERO)
        return span
    one, two = -start / step, (high - start) / step
    return wp.vec2d(wp.max(span[0], wp.min(one, two)), wp.min(span[1], wp.max(one, two)))


@wp.func
def _march(
    line: wp.vec4d,
    edge: int,
    frame: int,
    span: wp.vec2d,
    height: int,
    width: int,
    first: int,
    count: int,
    cells: Fours,
    spans: Spans,
) -> int:
    """Step from pixel to pixel along a span of an edge (Amanatides & Woo 1987).

    With y = -1 and dy = 0 the pieces get row -1. Returns the new number of pieces.
    """
    x0, y0, dx, dy = line[0], line[1], line[2], line[3]
    t = span[0]
    column = wp.clamp(int(wp.floor(x0 + dx * t)), 0, width - 1)
    row = wp.clamp(int(wp.floor(y0 + dy * t)), 0, height - 1)
    if y0 == -ONE and dy == ZERO:
        row = -1
    step_x, step_y = wp.where(dx > ZERO, 1, -1), wp.where(dy > ZERO, 1, -1)
    t_x, stride_x, t_y, stride_y = FAR, FAR, FAR, FAR
    if dx != ZERO:
        stride_x = wp.abs(ONE / dx)
        t_x = (wp.float64(column) + wp.where(dx > ZERO, ONE, ZERO) - x0) / dx
    if dy != ZERO:
        stride_y = wp.abs(ONE / dy)
        t_y = (wp.float64(row) + wp.where(dy > ZERO, ONE, ZERO) - y0) / dy
    pieces = wp.int32(count)
    going = wp.bool(True)
    while going:
        t_next = wp.min(wp.min(t_x, t_y), span[1])
        if t_next > t:
            if first >= 0:
                cells[first + pieces] = wp.vec4i(frame, row, column, edge)
                spans[first + pieces] = wp.vec2d(t_next - t, HALF * (t + t_next))
            pieces += 1
            t = t_next
        if t_next >= span[1]:
            going = False
        elif t_x <= t_y:
            column += step_x
            t_x += stride_x
            going = column >= 0 and column < width
        else:
            row += step_y
            t_y += stride_y
            going = row >= 0 and row < height
    return pieces


@wp.func
def directions(line: wp.vec4d) -> int:
    """Bits of the directions an edge runs in."""
    across = wp.where(line[2] > ZERO, RIGHT, wp.where(line[2] < ZERO, LEFT, 0))
    return across | wp.where(line[3] > ZERO, DOWN, wp.where(line[3] < ZERO, UP, 0))


@wp.func
def start_of(span: wp.vec2d) -> wp.float64:
    """Fraction of its edge at which a piece starts."""
    return span[1] - HALF * span[0]


@wp.kernel
def add_areas(ends: Ends, cells: Fours, spans: Spans, layers: Image, marks: Codes):
    """Signed area under a piece: in its own row by height, in the rows below by the sum to come.

    Also marks its pixel: bits for the directions of its pieces, `CHAIN` for each that enters it.
    """
    p = wp.tid()
    cell, span, line = cells[p], spans[p], ends[cells[p][3]]
    area = line[2] * span[0]
    row = wp.max(cell[1], 0)
    depth = line[1] + line[3] * span[1] - wp.float64(row)
    if cell[1] < 0:
        depth = ZERO
    else:
        wp.atomic_or(marks, cell[0], row, cell[2], directions(line))
        if start_of(span) > ZERO or line[0] == wp.floor(line[0]) or line[1] == wp.floor(line[1]):
            wp.atomic_add(marks, cell[0], row, cell[2], CHAIN)
    wp.atomic_add(layers, cell[0], row, cell[2], wp.float32(area * (ONE - depth)))
    wp.atomic_add(layers, cell[0], row + 1, cell[2], wp.float32(area * depth))


@wp.kernel
def sum_down(layers: Image):
    """Running sum down one column."""
    n, column = wp.tid()
    for row in range(1, layers.shape[1]):
        layers[n, row, column] = layers[n, row - 1, column] + layers[n, row, column]


@wp.kernel
def compare(mask: wp.array3d(dtype=wp.uint8), layers: Image, sums: wp.array2d(dtype=wp.float32)):
    """Sum of squared differences over one column; turns the layers into its slope."""
    n, column = wp.tid()
    total = wp.float32(0.0)
    for row in range(mask.shape[1]):
        layer = layers[n, row, column]
        residual = wp.clamp(layer, 0.0, 1.0) - float(mask[n, row, column]) / 255.0
        total += residual * residual
        layers[n, row, column] = wp.where(layer < 1.0, 2.0 * residual, 0.0)
    sums[n, column] = total


@wp.kernel
def pull(
    ends: Ends, vertices: Triples, stops: Numbers, cells: Fours, spans: Spans, slope: Image, grad: Points
):
    """Integral of the slope along an edge, times its normal (dy, -dx), to both of its ends."""
    m = wp.tid()
    first = wp.int32(0)
    if m > 0:
        first = stops[m - 1]
    total, to_end = wp.float64(0.0), wp.float64(0.0)
    for p in range(first, stops[m]):
        cell = cells[p]
        if cell[1] >= 0:
            value = wp.float64(slope[cell[0], cell[1], cell[2]]) * spans[p][0]
            total += value
            to_end += value * spans[p][1]
    normal = wp.vec2d(ends[m][3], -ends[m][2])
    n = vertices[m][0]
    wp.atomic_add(grad, n, vertices[m][1], wp.vec2f((total - to_end) * normal))
    wp.atomic_add(grad, n, vertices[m][2], wp.vec2f(to_end * normal))
