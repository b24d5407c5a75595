"""Coverage of a person's pixels from one picture and the empty room: background subtraction.

Everything is float64: the last digits of OpenCV's sums depend on the processor, and in float32 they
would decide pixels that are near a threshold or between two steps of the stored mask.
"""

from typing import NamedTuple

import cv2
import numpy as np

HOLE_M = (0.02, 0.06)
"""Holes narrower than the first are filled, metres. Up to the second, those unlike the room are."""
NOISE = 1.0
"""Least standard deviation of a background pixel, grey values: rounding and compression."""
SHADOW = (0.5, 1.05)
"""Range of a shaded background pixel's linear light over the empty room's: ceiling lamps leave half."""
SHADOW_COLOUR = 0.06
"""Departure of a shadow from the background's colour, as a share of its own brightness."""
CONTRAST = 0.03
"""Least distance of the person's colour from the room's that lets their mixture be measured."""
BAND_PX = 3
"""Half width of the band around the outline in which coverage is fractional, video pixels."""
SPACE_PX = 16
"""Space around a person, video pixels: half the band, and as far as blurring reaches from it."""

_EVERY_COLOUR = np.ones((1, 3))
_SQUARES = np.arange(256.0) ** 2
_VALUES = np.arange(256) / 255
_LIGHT = np.where(_VALUES <= 0.04045, _VALUES / 12.92, ((_VALUES + 0.055) / 1.055) ** 2.4)


class Room(NamedTuple):
    """The empty room as one camera sees it, or a part of that picture."""

    median: np.ndarray
    """Grey values 0-255, (H, W, 3) uint8."""
    weight: np.ndarray
    """1 / variance of the grey values, whose standard deviation is `NOISE` at least, (H, W, 3)."""
    light: np.ndarray
    """Linear light of the median, (H, W, 3)."""
    smooth: np.ndarray
    """The same, blurred, (H, W, 3)."""
    power: np.ndarray
    """Sum of squares of `smooth` over the colours, not quite 0, (H, W)."""

    def part(self, window: tuple[slice, slice]) -> "Room":
        """The rows and columns of a window."""
        return Room(*(values[window] for values in self))


def room_of(median: np.ndarray, spread: np.ndarray) -> Room:
    """The room by its median and noise, grey values, (H, W, 3)."""
    noise = np.maximum(cv2.blur(spread.astype(np.float64), (5, 5)), NOISE)
    light = linear_light(median)
    smooth = _blurred(light)
    return Room(median, 1 / noise**2, light, smooth, np.maximum(_dot(smooth, smooth), 1e-4))


def person_coverage(
    image: np.ndarray,
    room: Room,
    *,
    core: np.ndarray,
    reach: np.ndarray,
    pixels_per_metre: float,
    threshold: float,
) -> tuple[np.ndarray, float]:
    """Share of each pixel that the person covers, from one picture and the empty room.

    1. A pixel is foreground if it departs from the room by `threshold` noise deviations and is not the
       room in shadow (the room's colour, somewhat darker). On the core nothing counts as shadow.
    2. Parts out of reach of the labelled limbs, or without contact to them, are removed. Narrow holes
       are filled.
    3. In a band around the outline coverage is fractional. A pixel's colour is the mixture
       a F + (1 - a) B of the person's colour F nearby and the room's colour B, shaded as nearby. Solved
       for the coverage a. Without this step the outline is too wide: step 1 includes every pixel that
       shows a trace of the person.

    Args:
        image: video picture or a part of it, (H, W, 3) uint8 RGB.
        room: the same part of the empty room.
        core, reach: pixels on the labelled limbs, and within a person's reach of them, (H, W) bool.
        pixels_per_metre: image scale at the person.
        threshold: noise deviations.

    Returns:
        Coverage (H, W) in 0..1, and the share of the core that is foreground.
    """
    alpha, window = np.zeros(image.shape[:2]), around(reach)
    if window is None:
        return alpha, 0.0
    image, room, core, reach = image[window], room.part(window), core[window], reach[window]
    differs = _dot(cv2.LUT(cv2.absdiff(image, room.median), _SQUARES), room.weight) > 3 * threshold**2
    near = differs & reach
    likely = around(_opened(near) | core)  # what `_clean` may keep; often half of the window
    if likely is None:
        return alpha, 0.0
    room, core, near, differs = room.part(likely), core[likely], near[likely], differs[likely]
    picture = linear_light(image[likely])
    shade, shaded = shadow(picture, room, near & ~core)
    foreground = _clean(near & ~shaded, differs, core, pixels_per_metre)
    share = float(foreground[core].mean()) if core.any() else 0.0
    person = around(foreground)
    if person is not None:
        alpha[window][likely][person] = _matte(
            picture[person], room.light[person], foreground[person], shade[person]
        )
    return alpha, share


def around(marked: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns of all marked pixels (H, W) bool, `SPACE_PX` wider; None where none is marked."""
    rows, columns = (np.flatnonzero(marked.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    top, left = max(rows[0] - SPACE_PX, 0), max(columns[0] - SPACE_PX, 0)
    return slice(top, rows[-1] + SPACE_PX + 1), slice(left, columns[-1] + SPACE_PX + 1)


def linear_light(image: np.ndarray) -> np.ndarray:
    """Light that 8-bit sRGB values stand for, 0-1: mixtures and shadows are linear in it."""
    return cv2.LUT(image, _LIGHT)


def shadow(picture: np.ndarray, room: Room, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of a picture may show the room in shadow.

    Args:
        picture: linear light, (H, W, 3).
        room: the same part of the empty room.
        asked: which pixels are in question, (H, W) bool.

    Returns:
        Brightness of all pixels over the room's, (H, W), and whether a pixel is in question and has the
        room's colour at a brightness within `SHADOW`, (H, W) bool.
    """
    smooth = _blurred(picture)
    shade = _dot(smooth, room.smooth) / room.power
    pixels = np.nonzero(asked)
    bright = shade[pixels]
    rest = np.maximum(_total(smooth[pixels] ** 2) / room.power[pixels] - bright**2, 0)
    shaded = np.zeros(asked.shape, dtype=bool)  # `rest` is the squared departure in colour
    shaded[pixels] = (bright > SHADOW[0]) & (bright < SHADOW[1]) & (rest < (SHADOW_COLOUR * bright) ** 2)
    return shade, shaded


def _blurred(light: np.ndarray) -> np.ndarray:
    return cv2.blur(light, (3, 3))


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sum of products over the colours: (H, W, 3) twice -> (H, W)."""
    return cv2.transform(first * second, _EVERY_COLOUR)


def _opened(marked: np.ndarray) -> np.ndarray:
    """The marked pixels (H, W) bool without those that are in no marked square of 3 x 3."""
    square = np.ones((3, 3), np.uint8)
    return cv2.morphologyEx(marked.view(np.uint8), cv2.MORPH_OPEN, square).view(bool)


def _clean(
    raw: np.ndarray, differs: np.ndarray, core: np.ndarray, pixels_per_metre: float
) -> np.ndarray:
    """The parts that touch the limbs' core, without specks and with narrow holes filled, (H, W) bool."""
    likely = _opened(raw) | (core & (cv2.blur(raw.astype(np.float64), (5, 5)) > 0.3))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(likely.astype(np.uint8), connectivity=8)
    touching = np.bincount(parts[core], minlength=count)
    keep = (touching > 0) & (stats[:, cv2.CC_STAT_AREA] > (0.03 * pixels_per_metre) ** 2)
    keep[0] = False
    mask = keep[parts].astype(np.uint8)
    count, gaps, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    unlike = np.bincount(gaps[differs], minlength=count) > 0.5 * area
    narrow, wide = (area < (limit * pixels_per_metre) ** 2 for limit in HOLE_M)
    return (mask > 0) | (narrow | (wide & unlike))[gaps]


def _matte(
    picture: np.ndarray,
    room: np.ndarray,
    foreground: np.ndarray,
    shade: np.ndarray,
) -> np.ndarray:
    """Coverage near the outline from the mixture of nearby person and room colours."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BAND_PX + 1, 2 * BAND_PX + 1))
    binary = foreground.astype(np.uint8)
    inside, outside = cv2.erode(binary, disc), 1 - cv2.dilate(binary, disc)
    band = np.nonzero(inside + outside == 0)
    person, known = _nearby(picture, inside, band)
    shading, lit = _nearby(np.clip(shade, *SHADOW)[..., None], outside, band)
    room = room[band] * np.where(lit, shading[:, 0], 1)[:, None]
    contrast = person - room
    power = _total(contrast**2)
    mixed = _total((picture[band] - room) * contrast) / np.maximum(power, 1e-6)
    usable = known & (power > CONTRAST**2)
    soft = cv2.GaussianBlur(binary.astype(np.float64), (0, 0), 0.7)[band]
    alpha = inside.astype(np.float64)
    alpha[band] = np.where(usable, np.clip(mixed, 0, 1), soft)
    return alpha


def _total(colours: np.ndarray) -> np.ndarray:
    """Sum over the colours, (P, 3) -> (P,): `sum(axis=1)` takes ten times as long."""
    return colours[:, 0] + colours[:, 1] + colours[:, 2]


def _nearby(
    values: np.ndarray, where: np.ndarray, band: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of `values` over the marked pixels near each one of the band, if there are any.

    Args:
        values: (H, W, C).
        where: 1 where marked, else 0, (H, W) uint8.
        band: rows and columns of P pixels.

    Returns:
        (P, C) and (P,) bool.
    """
    sigma, size = 0.8 * BAND_PX, (4 * BAND_PX + 1, 4 * BAND_PX + 1)
    share = cv2.GaussianBlur(where.astype(np.float64), size, sigma)[band]
    total = cv2.GaussianBlur(cv2.copyTo(values, where), size, sigma).reshape(values.shape)[band]
    return total / np.maximum(share, 1e-7)[:, None], share > 1e-5
