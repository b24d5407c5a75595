"""Draw docs/pictures/dressed.jpg: five dressed free people, their masks, and who is inside.

python tools/dressed_people.py [tight | loose] [picture]

Prints for each how much larger the mask is than the bare person's, and how far the nearest body of the
open body's shape space stays away.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from jointreg.body import load_body
from jointreg.config.data import Kinds
from jointreg.synthetic.clothes import Clothes
from jointreg.synthetic.labels import true_regressor
from jointreg.synthetic.motion.stances import seat_height
from jointreg.synthetic.parameters import load_parameters
from jointreg.synthetic.people import cast, filmed, nearest_betas
from jointreg.synthetic.render import Painter, Picture, build_scene
from jointreg.synthetic.rig import cameras_of
from jointreg.synthetic.subject import performed, posed

ROOT = Path(__file__).resolve().parent.parent
SCENES = (
    ("S1", "Directions", 1.2, 0),
    ("S5", "Sitting", 2.0, 1),
    ("S6", "Walking", 0.6, 0),
    ("S7", "Greeting", 1.0, 1),
    ("S8", "Purchases", 2.2, 0),
)
"""Subject, action, moment in seconds, number of the camera."""
SEED = 11
TILE = 250
"""Pixels a side."""


def column(subject: str, action: str, moment: float, camera: int, cut: str) -> np.ndarray:
    """Picture, mask, and the person inside with the mask's outline, below each other."""
    body, parameters = load_body("open"), load_parameters(ROOT / "config/generator.yaml")
    who = cast(subject, body, parameters, "free")
    skin, outfit = filmed(who.body), getattr(parameters.clothes, cut)
    kinds = Kinds(people="free", clothes=cut, joints="own", markers="fixed", furniture="stools")
    true = true_regressor(body, parameters.labels)
    take = performed(who, subject, action, "1", np.array([moment]), true, parameters, SEED, kinds)
    (bare,) = posed(skin, take)
    dressed = Clothes(skin, subject, outfit, parameters.planted_seed).on(bare, moment)
    scene = build_scene(cameras_of(subject, parameters)[camera], parameters.room, seat_height(who))
    painter = Painter(skin, parameters.person(subject), parameters, outfit.long_sleeves)
    width, height = scene.camera.size
    silence = np.zeros(2 * width * height * 3, dtype=np.float32)

    def paint(mesh: np.ndarray) -> Picture:
        return painter.paint(scene, mesh, painter.light(mesh), painter.shadow(mesh), silence, 0)

    picture, undressed = paint(dressed), paint(bare)
    inside = undressed.image.copy()
    grown = picture.coverage.sum(dtype=float) / undressed.coverage.sum(dtype=float) - 1
    betas = nearest_betas(body, who)[None]
    t_pose = np.broadcast_to(np.eye(3), take.rotations.shape)
    away = [
        distance_mm(body.vertices(pose, betas), who.body.vertices(pose, 0 * betas))
        for pose in (t_pose, take.rotations)
    ]
    nearest = f"nearest body {away[0]:.0f} mm in T-pose, {away[1]:.0f} mm posed"
    print(f"{subject} {action}: mask {grown:+.0%}; {nearest}")
    left, top, wide, high = picture.box
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[top : top + high, left : left + wide] = picture.coverage
    outline, _ = cv2.findContours(np.uint8(mask > 127), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(inside, outline, -1, (255, 230, 0), 1)
    half = max(wide, high) // 2 + 15
    row, side = top + high // 2, left + wide // 2
    tiles = []
    for image in (picture.image, np.repeat(mask[..., None], 3, axis=2), inside):
        padded = np.pad(image, ((half, half), (half, half), (0, 0)))
        part = padded[row : row + 2 * half, side : side + 2 * half]
        tiles.append(cv2.resize(part, (TILE, TILE), interpolation=cv2.INTER_AREA))
    return np.concatenate(tiles)


def distance_mm(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of the vertices of two meshes (1, V, 3) in metres, moved to their means."""
    away = (one - one.mean(axis=1)) - (other - other.mean(axis=1))
    return float(1e3 * np.linalg.norm(away, axis=-1).mean())


def main(cut: str = "loose", path: str = str(ROOT / "docs/pictures/dressed.jpg")) -> None:
    """Draw all columns side by side."""
    sheet = np.concatenate([column(*scene, cut) for scene in SCENES], axis=1)
    cv2.imwrite(path, sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main(*sys.argv[1:])
