"""Warp kernels of `jointreg.silhouette._warp_backend` for pixels in which contours cross.

There layers add up where they should unite. Every piece of such a pixel keeps the part of its span
that has no layer on one side and some on the other; the area under those parts is the covered one.
Each piece is a thread of its own and reads the others of its pixel in a linked list. Ties are settled
by the pieces' numbers, so that the order of the list does not matter.
"""
# mypy: ignore-errors
# Warp compiles these functions itself, from annotations of its own.

import warp as wp

from jointreg.silhouette import _numba_kernels
from jointreg.silhouette._warp_kernels import (
    CHAIN,
    DOWN,
    HALF,
    LEFT,
    ONE,
    RIGHT,
    UP,
    ZERO,
    Codes,
    Ends,
    Fours,
    Image,
    Numbers,
    Spans,
    start_of,
)

wp.set_module_options({"enable_backward": False})

NEAR = wp.constant(wp.float64(1e-9))
"""Distances below this, in pixels or as fractions of a piece, count as none."""
STEEP = wp.constant(wp.float64(1e-10))
"""Pieces narrower than this, in pixels, count as vertical."""
CAPACITY = wp.constant(_numba_kernels.CAPACITY)
"""Pixels with more pieces keep their layers, as in `_numba_kernels`: their cost grows by the cube."""
Areas = wp.array(dtype=wp.float64)


@wp.kernel
def link(
    ends: Ends,
    cells: Fours,
    spans: Spans,
    marks: Codes,
    heads: Codes,
    nexts: Numbers,
    lines: Ends,
):
    """Chain up the pieces of each pixel that may hold 0 and 2 layers.

    Also writes their start x, y and extent dx, dy in their pixel.
    """
    p = wp.tid()
    cell = cells[p]
    nexts[p] = -1
    if cell[1] >= 0:
        mark = marks[cell[0], cell[1], cell[2]]
        both = RIGHT | LEFT
        upright = DOWN | UP
        turns = (mark & both) == both and (mark & upright) == upright
        if mark >= 2 * CHAIN or mark < CHAIN or turns:
            nexts[p] = wp.atomic_exch(heads, cell[0], cell[1], cell[2], p)
            line, span = ends[cell[3]], spans[p]
            lines[p] = wp.vec4d(
                line[0] + line[2] * start_of(span) - wp.float64(cell[2]),
                line[1] + line[3] * start_of(span) - wp.float64(cell[1]),
                line[2] * span[0],
                line[3] * span[0],
            )


@wp.func
def exposed(above: int, step: int) -> bool:
    """Whether a line with `above` layers on its upper side and `step` more below bounds the body."""
    return (above >= 1) != (above + step >= 1)


@wp.func
def top_layers(x: wp.float64, p: int, head: int, lines: Ends, nexts: Numbers) -> int:
    """Layers that the pieces before x at the pixel's upper edge add there.

    Of two pieces at the same place the one of the smaller number comes first.
    """
    layers = wp.int32(0)
    j = wp.int32(head)
    while j >= 0:
        other = lines[j]
        if other[1] < NEAR and (other[0] < x or (other[0] == x and j < p)):
            layers -= 1
        if other[1] + other[3] < NEAR and (
            other[0] + other[2] < x or (other[0] + other[2] == x and j < p)
        ):
            layers += 1
        j = nexts[j]
    return layers


@wp.kernel
def begin(
    cells: Fours,
    lines: Ends,
    layers: Image,
    heads: Codes,
    nexts: Numbers,
    corners: Numbers,
    areas: Areas,
):
    """Of a pixel, at its first piece: layers at its upper left corner, and area below its upper edge.

    Pixels that do not hold both 0 and 2 layers after all, or too many pieces, lose their list.
    """
    p = wp.tid()
    cell = cells[p]
    if cell[1] < 0 or heads[cell[0], cell[1], cell[2]] != p:
        return
    under = wp.float64(layers[cell[0], cell[1], cell[2]])
    pieces, fewer, more = wp.int32(0), wp.int32(0), wp.int32(0)
    j = wp.int32(p)
    while j >= 0:
        line = lines[j]
        pieces += 1
        under -= line[2] * (ONE - line[1] - HALF * line[3])
        if line[2] > ZERO:
            more += 1
        else:
            fewer += 1
        if line[1] < NEAR:
            under += ONE - line[0]
            fewer += 1
        if line[1] + line[3] < NEAR:
            under -= ONE - line[0] - line[2]
            more += 1
        j = nexts[j]
    corner = int(wp.round(under))
    if pieces > CAPACITY or corner - fewer >= 1 or corner + more <= 1:
        heads[cell[0], cell[1], cell[2]] = -1
        return
    area = wp.where(corner >= 1, ONE, ZERO)
    j = p
    while j >= 0:
        line = lines[j]
        enters, leaves = line[1] < NEAR, line[1] + line[3] < NEAR
        if enters:
            above = corner + top_layers(line[0], j, p, lines, nexts)
            if exposed(above, -1):
                area -= ONE - line[0]
        if leaves:
            x = line[0] + line[2]
            above = corner + top_layers(x, j, p, lines, nexts)
            if enters and line[0] == x:
                above -= 1
            if exposed(above, 1):
                area += ONE - x
        j = nexts[j]
    corners[p] = corner
    areas[p] = area


@wp.func
def next_cut(line: wp.vec4d, t: wp.float64, head: int, lines: Ends, nexts: Numbers) -> wp.float64:
    """Fraction of a piece, beyond t, where it next meets another piece of its pixel, or 1."""
    found = wp.float64(1.0)
    j = wp.int32(head)
    while j >= 0:
        other = lines[j]
        across = line[2] * other[3] - line[3] * other[2]
        if across != ZERO:
            x, y = other[0] - line[0], other[1] - line[1]
            meet = (x * other[3] - y * other[2]) / across
            share = (x * line[3] - y * line[2]) / across
            if meet > NEAR and meet < ONE - NEAR and share > -NEAR and share < ONE + NEAR and meet > t:
                found = wp.min(found, meet)
        j = nexts[j]
    return found


@wp.func
def layers_above(x: wp.float64, y: wp.float64, p: int, head: int, lines: Ends, nexts: Numbers) -> int:
    """Layers that the pieces of a pixel add on the way from its corner to just above a point of p."""
    layers = wp.int32(0)
    j = wp.int32(head)
    while j >= 0:
        other = lines[j]
        end = other[0] + other[2]
        if other[1] < NEAR and other[0] <= x:
            layers -= 1
        if other[1] + other[3] < NEAR and end <= x:
            layers += 1
        if wp.abs(other[2]) >= STEEP and wp.min(other[0], end) <= x and x < wp.max(other[0], end):
            gap = other[1] + (x - other[0]) * (other[3] / other[2]) - y
            if gap < wp.where(j > p, NEAR, -NEAR):
                layers += wp.where(other[2] > ZERO, 1, -1)
        j = nexts[j]
    return layers


@wp.kernel
def expose(
    cells: Fours,
    spans: Spans,
    lines: Ends,
    heads: Codes,
    nexts: Numbers,
    corners: Numbers,
    areas: Areas,
    kept: Spans,
):
    """Keep the part of a piece's span that bounds the body, and add the area under it to its pixel."""
    p = wp.tid()
    cell = cells[p]
    kept[p] = spans[p]
    if cell[1] < 0:
        return
    head = heads[cell[0], cell[1], cell[2]]
    if head < 0:
        return
    line = lines[p]
    steep = wp.abs(line[2]) < STEEP
    step = wp.where(wp.where(steep, line[3], line[2]) > ZERO, 1, -1)
    aside = wp.where(steep, NEAR, ZERO)
    t, length, moment = wp.float64(0.0), wp.float64(0.0), wp.float64(0.0)
    area = wp.float64(0.0)
    while t < ONE:
        t_next = next_cut(line, t, head, lines, nexts)
        part, middle = t_next - t, HALF * (t + t_next)
        x, y = line[0] + line[2] * middle + aside, line[1] + line[3] * middle
        above = corners[head] + layers_above(x, y, p, head, lines, nexts)
        if exposed(above, step):
            length += part
            moment += part * middle
            area += line[2] * part * (ONE - y)
        t = t_next
    wp.atomic_add(areas, head, area)
    start, share = start_of(spans[p]), spans[p][0]
    kept[p] = wp.vec2d(share * length, start)
    if length > ZERO:
        kept[p] = wp.vec2d(share * length, start + share * moment / length)


@wp.kernel
def replace(cells: Fours, heads: Codes, areas: Areas, layers: Image):
    """Put the area of a pixel in place of its layers, at its first piece."""
    p = wp.tid()
    cell = cells[p]
    if cell[1] >= 0 and heads[cell[0], cell[1], cell[2]] == p:
        layers[cell[0], cell[1], cell[2]] = wp.float32(wp.clamp(areas[p], ZERO, ONE))
