"""Pictures of one person in one room by one camera: background, clothes, light, shadow."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_matrix

from jointreg.body.model import Body
from jointreg.geometry.camera import Camera
from jointreg.geometry.rasterise import rasterise
from jointreg.synthetic.furniture import Piece, furnish, stool
from jointreg.synthetic.parameters import Parameters, Person, Room, Video
from jointreg.synthetic.room import compose, paint_room, to_srgb
from jointreg.synthetic.worn import worn

LIGHTS = ((0.30, 0.25, 0.92, 0.62), (-0.55, -0.35, 0.75, 0.30), (0.2, -0.8, 0.5, 0.18))
"""Direction towards the light (x, y, z) and strength: ceiling panels, one of them brighter."""
AMBIENT = 0.34
SHADOW_LEAN = (-0.20, -0.12)
"""How far the shadow of a point moves on the floor for a metre of its height, x and y."""
SHADOW_CELL = 0.03
SHADOW_REACH = 1.5
"""Grid of the shadow: step and half side, metres."""
SHADOW_LAYERS = ((0.0, 0.12, 0.02, 1.0), (0.12, 0.7, 0.07, 0.55), (0.7, 2.5, 0.18, 0.6))
"""Layers of the body by height: from, to, blur (metres), share of the deepest shadow."""


@dataclass(frozen=True)
class Scene:
    """The static part of one camera's picture."""

    camera: Camera
    room: np.ndarray
    """Linear light, (H, W, 3) float32."""
    room_srgb: np.ndarray
    """The same as sRGB 0-255, (H, W, 3) float32."""
    floor: np.ndarray
    """x, y in the room of pixels that show floor, NaN elsewhere, (H, W, 2) float32."""
    hiding: Piece | None
    """Furniture that hides people; None where they are drawn over everything."""


@dataclass(frozen=True)
class Picture:
    """One rendered frame and what was drawn of the person."""

    image: np.ndarray
    """(H, W, 3) uint8 RGB."""
    box: tuple[int, int, int, int]
    """left, top, width, height of `coverage` in the image."""
    coverage: np.ndarray
    """Share of each pixel that the person covers x 255, (height, width) uint8."""


def build_scene(
    camera: Camera,
    room: Room,
    stool_height: float,
    furniture: Literal["stools", "desks"] = "stools",
) -> Scene:
    """Render the empty room with its furniture, antialiased 2 x 2; only desks hide people."""
    position = -camera.rotation.T @ camera.translation
    half = (float(room.half_size_m[0]), float(room.half_size_m[1]))
    colours = np.array([room.floor, room.ceiling, room.wall, room.skirting])
    light, floor = paint_room(
        camera.size, camera.intrinsics, camera.distortion, camera.rotation, position,
        half, room.height_m, colours, room.texture, 2,
    )  # fmt: skip
    if furniture == "stools":
        for x, y in room.stools_m:
            _draw_stool(light, floor, camera, np.array([x, y]), stool_height)
        return Scene(camera, light, to_srgb(light), floor, None)
    for x, y in room.stools_m:
        _darken_below(light, floor, np.array([x, y]))
    hiding = furnish(room, stool_height)
    _draw(light, floor, camera, hiding)
    return Scene(camera, light, to_srgb(light), floor, hiding)


def noise_pool(size: tuple[int, int], video: Video, generator: np.random.Generator) -> np.ndarray:
    """Sensor noise for frames of (width, height): two frames long, float32 grey levels."""
    count = 2 * size[0] * size[1] * 3
    return np.float32(video.noise_grey) * generator.standard_normal(count, dtype=np.float32)


class Painter:
    """Draws one dressed person; made once, used for every frame and camera."""

    def __init__(
        self, body: Body, person: Person, parameters: Parameters, long_sleeves: bool = False
    ) -> None:
        self._faces = np.ascontiguousarray(body.faces)
        self._albedo = albedo(body, person, long_sleeves)
        corner = body.faces.ravel()
        face = np.repeat(np.arange(len(body.faces)), 3)
        self._around = csr_matrix((np.ones(len(corner)), (corner, face)))
        self._video = parameters.video

    def light(self, vertices: np.ndarray) -> np.ndarray:
        """Linear colour of every vertex, (V, 3) metres in the room -> (V, 3)."""
        a, b, c = (vertices[self._faces[:, k]].astype(np.float64) for k in range(3))
        normals = self._around @ np.cross(b - a, c - a)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        brightness = AMBIENT * (0.75 + 0.25 * normals[:, 2])
        for x, y, z, strength in LIGHTS:
            direction = np.array([x, y, z]) / np.linalg.norm([x, y, z])
            brightness += strength * np.maximum(normals @ direction, 0)
        return self._albedo * brightness[:, None]

    def shadow(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Share of light left on a grid of the floor around the person, and the grid's corner (x, y)."""
        centre = np.round(vertices[:, :2].mean(axis=0, dtype=np.float64) / SHADOW_CELL) * SHADOW_CELL
        corner = centre - SHADOW_REACH
        cells = round(2 * SHADOW_REACH / SHADOW_CELL) + 1
        fallen = vertices[:, :2] + vertices[:, 2:] * np.array(SHADOW_LEAN)
        place = np.round((fallen - corner) / SHADOW_CELL).astype(int)
        inside = ((place >= 0) & (place < cells)).all(axis=1)
        left = np.ones((cells, cells))
        for low, high, blur, share in SHADOW_LAYERS:
            layer = inside & (vertices[:, 2] >= low - (0.1 if low == 0 else 0)) & (vertices[:, 2] < high)
            grid = np.zeros((cells, cells))
            grid[place[layer, 1], place[layer, 0]] = 1
            left *= 1 - self._video.shadow * share * gaussian_filter(
                grid, blur / SHADOW_CELL, truncate=3
            )
        return left.astype(np.float32), corner

    def paint(
        self,
        scene: Scene,
        vertices: np.ndarray,
        colours: np.ndarray,
        shadow: tuple[np.ndarray, np.ndarray],
        noise: np.ndarray,
        offset: int,
    ) -> Picture:
        """One frame.

        Args:
            scene: the camera and its empty room.
            vertices: posed body in the room, (V, 3) metres.
            colours: from `light`.
            shadow: from `shadow`.
            noise: from `noise_pool`.
            offset: where in the pool this frame starts, 0 to half its length.
        """
        camera, samples = scene.camera, self._video.supersampling
        points_cam = camera.from_world(vertices.astype(np.float64))
        points = camera.project(points_cam)
        left, top, width, height = box = box_around(points, camera.size)
        if scene.hiding is None:
            hits, total = rasterise(
                points, points_cam[:, 2], colours, self._faces, left, top, width, height, samples
            )
        else:
            hits, total = self._seen(scene.hiding, camera, points, points_cam[:, 2], colours, box)
        grid, corner = shadow
        image = compose(
            scene.room, scene.room_srgb, scene.floor, grid, corner, SHADOW_CELL,
            _floor_box(camera, corner), hits, total, (left, top), samples, noise, offset,
        )  # fmt: skip
        coverage = np.round(hits * (255 / samples**2)).astype(np.uint8)
        return Picture(image, (left, top, width, height), coverage)

    def _seen(
        self,
        hiding: Piece,
        camera: Camera,
        points: np.ndarray,
        depth: np.ndarray,
        colours: np.ndarray,
        box: tuple[int, int, int, int],
    ) -> tuple[np.ndarray, np.ndarray]:
        """What `rasterise` gives for the person alone, less the samples that furniture hides."""
        behind_cam = camera.from_world(hiding.vertices)
        points = np.concatenate([points, camera.project(behind_cam)])
        depth = np.concatenate([depth, behind_cam[:, 2]])
        faces = np.concatenate([self._faces, (hiding.faces + len(colours)).astype(self._faces.dtype)])
        dark = np.zeros((len(hiding.vertices), 3))
        samples = self._video.supersampling
        white, total = (
            rasterise(points, depth, np.concatenate([shade, dark]), faces, *box, samples)[1]
            for shade in (np.ones_like(colours), colours)
        )
        return np.round(white[..., 0]).astype(np.uint8), total


def albedo(body: Body, person: Person, long_sleeves: bool = False) -> np.ndarray:
    """Colour of every vertex by what it shows, (V, 3)."""
    region = worn(body, long_sleeves)
    colour = np.empty((body.n_vertices, 3))
    for name in ("shirt", "trousers", "shoes", "skin", "hair"):
        colour[region == name] = getattr(person, name)
    return colour


def box_around(points_px: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """left, top, width, height of the pixels that (V, 2) points can touch, inside the image."""
    low = np.floor(points_px.min(axis=0) - 0.5).astype(int)
    high = np.ceil(points_px.max(axis=0) + 0.5).astype(int)
    left, top = (int(v) for v in np.clip(low, 0, np.array(size) - 1))
    right, bottom = (int(v) for v in np.clip(high, 0, np.array(size) - 1))
    return left, top, max(right - left + 1, 1), max(bottom - top + 1, 1)


def _floor_box(camera: Camera, corner: np.ndarray) -> tuple[int, int, int, int]:
    """Pixels that can show the square of floor from `corner` on, side 2 SHADOW_REACH."""
    edge = np.linspace(0, 2 * SHADOW_REACH, 9)
    x, y = np.meshgrid(corner[0] + edge, corner[1] + edge)
    points_cam = camera.from_world(np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=-1))
    return box_around(camera.project(points_cam[points_cam[:, 2] > 0.3]), camera.size)


def _draw_stool(
    light: np.ndarray, floor: np.ndarray, camera: Camera, place: np.ndarray, height: float
) -> None:
    """A stool as part of the background. In place.

    People are always drawn over it, also where its column would hide a calf: masks stay whole.
    """
    _darken_below(light, floor, place)
    for piece in stool(place, height):
        _draw(light, floor, camera, piece)


def _darken_below(light: np.ndarray, floor: np.ndarray, place: np.ndarray) -> None:
    """The soft shadow of a stool. In place."""
    gap = np.where(
        np.isnan(floor[..., 0]), 9.0, np.hypot(*(floor - place.astype(np.float32)).transpose(2, 0, 1))
    )
    light *= (1 - 0.30 * np.exp(-((gap / 0.2) ** 2)))[..., None].astype(np.float32)


def _draw(light: np.ndarray, floor: np.ndarray, camera: Camera, piece: Piece) -> None:
    """Draw a piece of furniture over what is there. In place."""
    samples = 3
    points_cam = camera.from_world(piece.vertices)
    points = camera.project(points_cam)
    left, top, width, rows = box_around(points, camera.size)
    hits, total = rasterise(
        points, points_cam[:, 2], piece.colours, piece.faces, left, top, width, rows, samples
    )
    share = (hits / samples**2)[..., None].astype(np.float32)
    area = (slice(top, top + rows), slice(left, left + width))
    light[area] = (1 - share) * light[area] + total / samples**2
    floor[area][hits > 0] = np.nan
