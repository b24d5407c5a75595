"""Numba kernels of the renderer: triangles with a z-buffer, the room ray by ray, composition.

Pixel convention: the centre of the top-left pixel is (0, 0). Colours are linear light 0-1 until
`compose` writes 8-bit sRGB.
"""

import numpy as np

from jointreg.geometry.rasterise import jit


@jit
def paint_room(
    size: tuple[int, int],
    intrinsics: np.ndarray,
    distortion: np.ndarray,
    rotation: np.ndarray,
    position: np.ndarray,
    half_size: tuple[float, float],
    height: float,
    colours: np.ndarray,
    texture: float,
    samples: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The empty room: every sample's line of sight meets floor, wall or ceiling.

    Args:
        size: image width and height in pixels.
        intrinsics: K, (3, 3).
        distortion: k1 k2 p1 p2 k3.
        rotation: world to camera, (3, 3).
        position: camera centre in the room, metres, (3,).
        half_size: half width (x) and half length (y) of the room, metres.
        height: of the walls, metres.
        colours: linear RGB of floor, ceiling, walls, skirting, (4, 3).
        texture: contrast of the texture.
        samples: samples a pixel side.

    Returns:
        Linear light (H, W, 3) float32, and the point x, y of the floor that each pixel's centre shows,
        NaN where that is no floor, (H, W, 2) float32 metres.
    """
    width, rows = size
    light = np.zeros((rows, width, 3), dtype=np.float32)
    floor = np.full((rows, width, 2), np.nan, dtype=np.float32)
    k1, k2, p1, p2, k3 = distortion[0], distortion[1], distortion[2], distortion[3], distortion[4]
    direction, point, rgb = np.zeros(3), np.zeros(3), np.zeros(3)
    share = 1.0 / (samples * samples)
    for row in range(rows):
        yd = (row - intrinsics[1, 2]) / intrinsics[1, 1]
        for column in range(width):
            xd = (column - intrinsics[0, 2]) / intrinsics[0, 0]
            x, y = xd, yd
            for _ in range(6):  # the distortion's inverse by fixed-point iteration
                r2 = x * x + y * y
                radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
                x, y = (
                    (xd - 2 * p1 * x * y - p2 * (r2 + 2 * x * x)) / radial,
                    (yd - p1 * (r2 + 2 * y * y) - 2 * p2 * x * y) / radial,
                )
            # Sample -1 is the pixel's centre; within a pixel the distortion hardly changes.
            for sample in range(-1, samples * samples):
                u, v = x, y
                if sample >= 0:
                    u += ((sample % samples + 0.5) / samples - 0.5) / intrinsics[0, 0]
                    v += ((sample // samples + 0.5) / samples - 0.5) / intrinsics[1, 1]
                for k in range(3):
                    direction[k] = rotation[0, k] * u + rotation[1, k] * v + rotation[2, k]
                surface = _meet(position, direction, half_size, height, point)
                if sample < 0:
                    if surface == 0:
                        floor[row, column, 0] = point[0]
                        floor[row, column, 1] = point[1]
                    continue
                _room_colour(point, surface, colours, texture, rgb)
                for k in range(3):
                    light[row, column, k] += share * rgb[k]
    return light, floor


@jit
def _meet(
    position: np.ndarray,
    direction: np.ndarray,
    half_size: tuple[float, float],
    height: float,
    point: np.ndarray,
) -> int:
    """Where a ray from inside leaves the room, into `point`: 0 floor, 1 ceiling, 2 and 3 walls."""
    best, surface = np.inf, 0
    for k in range(3):
        if direction[k] == 0.0:
            continue
        if k == 2:
            plane = height if direction[2] > 0 else 0.0
        else:
            plane = half_size[k] if direction[k] > 0 else -half_size[k]
        reach = (plane - position[k]) / direction[k]
        if 0 < reach < best:
            best = reach
            surface = 2 + k if k < 2 else (1 if direction[2] > 0 else 0)
    for k in range(3):
        point[k] = position[k] + best * direction[k]
    return surface


@jit
def _room_colour(
    point: np.ndarray, surface: int, colours: np.ndarray, texture: float, rgb: np.ndarray
) -> None:
    """Linear colour of a point of the room, into `rgb`: tiled carpet, panelled walls with skirting."""
    x, y, z = point[0], point[1], point[2]
    row = min(surface, 2)
    if surface == 0:
        weave = np.sin(9.1 * x + 2.0 * np.sin(3.3 * y)) * np.sin(8.3 * y + 1.7 * np.sin(2.9 * x))
        weave += 0.7 * np.sin(31.0 * x + 1.1) * np.sin(29.0 * y)
        weave += 0.5 if (np.floor(x / 0.5) + np.floor(y / 0.5)) % 2 == 0 else -0.5
        brightness = (1 + texture * weave) * (1.0 - 0.009 * (x * x + y * y))
    elif surface == 1:
        brightness = 1.0
    else:
        along = y if surface == 2 else x
        blotch = np.sin(2.3 * along + 1.3 * z) * np.sin(3.1 * z - 0.9 * along)
        blotch += 0.4 * np.sin(17.0 * along + 5.0 * z)
        brightness = (1 + 0.6 * texture * blotch) * (0.8 + 0.12 * z)
        if abs(along / 1.5 - np.round(along / 1.5)) < 0.012:
            brightness *= 0.72
        if z < 0.12:
            row, brightness = 3, 1.0
    for k in range(3):
        rgb[k] = colours[row, k] * brightness


@jit
def _srgb(linear: float) -> float:
    """Linear light 0-1 to sRGB 0-255."""
    if linear <= 0.0031308:
        return 255.0 * 12.92 * linear
    return 255.0 * (1.055 * linear ** (1.0 / 2.4) - 0.055)


@jit
def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light (rows, columns, 3) to sRGB 0-255, float32."""
    out = np.empty(linear.shape, dtype=np.float32)
    for row in range(linear.shape[0]):
        for column in range(linear.shape[1]):
            for k in range(3):
                out[row, column, k] = _srgb(min(max(linear[row, column, k], 0.0), 1.0))
    return out


@jit
def compose(
    room: np.ndarray,
    room_srgb: np.ndarray,
    floor: np.ndarray,
    shadow: np.ndarray,
    shadow_corner: np.ndarray,
    shadow_cell: float,
    shadow_box: tuple[int, int, int, int],
    hits: np.ndarray,
    total: np.ndarray,
    box: tuple[int, int],
    samples: int,
    noise: np.ndarray,
    offset: int,
) -> np.ndarray:
    """One 8-bit frame: room, darkened by the shadow, covered by the person, plus noise.

    Args:
        room: linear background, (H, W, 3) float32.
        room_srgb: the same as sRGB 0-255, (H, W, 3) float32.
        floor: x, y in the room of every pixel that shows floor, NaN elsewhere, (H, W, 2) metres.
        shadow: share of light left on a grid of the floor, (rows, columns) float32, rows along y.
        shadow_corner: x, y of the grid's first sample, metres.
        shadow_cell: grid step, metres.
        shadow_box: left, top, width, height of the pixels that the grid can reach.
        hits: from `rasterise`.
        total: from `rasterise`.
        box: left, top of `hits`.
        samples: samples a pixel side.
        noise: pool of grey-level noise, (P,) float32; P >= offset + H W 3.
        offset: where in the pool this frame starts.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    height, width = room.shape[:2]
    out = np.empty((height, width, 3), dtype=np.uint8)
    full = float(samples * samples)
    left, top, shadow_width, shadow_height = shadow_box
    light = np.ones((height, width), dtype=np.float32)
    for y in range(top, top + shadow_height):
        for x in range(left, left + shadow_width):
            if np.isnan(floor[y, x, 0]):
                continue
            u = (floor[y, x, 0] - shadow_corner[0]) / shadow_cell
            v = (floor[y, x, 1] - shadow_corner[1]) / shadow_cell
            i, j = int(np.floor(v)), int(np.floor(u))
            if i < 0 or j < 0 or i + 1 >= shadow.shape[0] or j + 1 >= shadow.shape[1]:
                continue
            p, q = v - i, u - j
            light[y, x] = (1 - p) * ((1 - q) * shadow[i, j] + q * shadow[i, j + 1]) + p * (
                (1 - q) * shadow[i + 1, j] + q * shadow[i + 1, j + 1]
            )
    place = offset
    for y in range(height):
        for x in range(width):
            i, j = y - box[1], x - box[0]
            hit = hits[i, j] if 0 <= i < hits.shape[0] and 0 <= j < hits.shape[1] else 0
            share = hit / full
            for k in range(3):
                if hit == 0 and light[y, x] == 1.0:
                    value = room_srgb[y, x, k]
                else:
                    value = (1 - share) * room[y, x, k] * light[y, x]
                    if hit:
                        value += total[i, j, k] / full
                    value = _srgb(min(max(value, 0.0), 1.0))
                value = value + noise[place] + 0.5
                place += 1
                out[y, x, k] = np.uint8(min(max(value, 0.0), 255.0))
    return out
