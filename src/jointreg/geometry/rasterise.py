"""Depth, face and place on the face of every pixel that a mesh covers."""

import numba
import numpy as np

jit = numba.njit(cache=True, nogil=True)
"""Compiles a function and caches it beside its file; other threads run meanwhile."""


@jit
def rasterise(
    points: np.ndarray,
    depth: np.ndarray,
    colours: np.ndarray,
    faces: np.ndarray,
    left: int,
    top: int,
    width: int,
    height: int,
    samples: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw Gouraud-shaded triangles into a box of the image.

    Args:
        points: vertices in image pixels, (V, 2).
        depth: distance along the optical axis, metres, positive, (V,).
        colours: linear RGB of the vertices, (V, 3).
        faces: (F, 3).
        left: first pixel column of the box.
        top: first pixel row of the box.
        width: pixel columns of the box.
        height: pixel rows of the box.
        samples: samples a pixel side.

    Returns:
        Samples hit in every pixel, (height, width) uint8, and the sum of their colours,
        (height, width, 3) float32.
    """
    rows, columns = height * samples, width * samples
    nearest = np.zeros((rows, columns), dtype=np.float32)
    shade = np.zeros((rows, columns, 3), dtype=np.float32)
    for face in range(len(faces)):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        # Sample (i, j) lies at integer coordinates of this grid.
        ax = (points[a, 0] - left + 0.5) * samples - 0.5
        ay = (points[a, 1] - top + 0.5) * samples - 0.5
        bx = (points[b, 0] - left + 0.5) * samples - 0.5
        by = (points[b, 1] - top + 0.5) * samples - 0.5
        cx = (points[c, 0] - left + 0.5) * samples - 0.5
        cy = (points[c, 1] - top + 0.5) * samples - 0.5
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        first_row = max(0, int(np.ceil(min(ay, by, cy))))
        last_row = min(rows - 1, int(np.floor(max(ay, by, cy))))
        first_column = max(0, int(np.ceil(min(ax, bx, cx))))
        last_column = min(columns - 1, int(np.floor(max(ax, bx, cx))))
        za, zb, zc = 1.0 / depth[a], 1.0 / depth[b], 1.0 / depth[c]
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                wa = ((bx - column) * (cy - row) - (by - row) * (cx - column)) / area
                wb = ((cx - column) * (ay - row) - (cy - row) * (ax - column)) / area
                wc = 1.0 - wa - wb
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                inverse = wa * za + wb * zb + wc * zc
                if inverse > nearest[row, column]:
                    nearest[row, column] = inverse
                    for k in range(3):
                        shade[row, column, k] = (
                            wa * colours[a, k] + wb * colours[b, k] + wc * colours[c, k]
                        )
    hits = np.zeros((height, width), dtype=np.uint8)
    total = np.zeros((height, width, 3), dtype=np.float32)
    for row in range(rows):
        y = row // samples
        for column in range(columns):
            if nearest[row, column] > 0.0:
                x = column // samples
                hits[y, x] += 1
                for k in range(3):
                    total[y, x, k] += shade[row, column, k]
    return hits, total
