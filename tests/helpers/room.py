"""A room with two cameras, and the file of a Qualisys system that calibrated them."""

from pathlib import Path

import numpy as np

from jointreg.geometry.camera import Camera

NAMES = ("left", "right")
SIZE = (320, 240)
"""Width and height of their pictures, px."""


def room_cameras(size: tuple[int, int] = SIZE) -> dict[str, Camera]:
    """Two cameras 4 m from the origin, z up, looking at it."""
    cameras = {}
    for name, angle in zip(NAMES, (0.3, 1.7), strict=True):
        centre = np.array([4 * np.cos(angle), 4 * np.sin(angle), 1.2])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        intrinsics = np.array([[300.0, 0, 160.5], [0, 301.0, 118.25], [0, 0, 1]])
        distortion = np.array([-0.05, 0.14, 0.0006, -0.0007, 0.0])
        cameras[name] = Camera(name, rotation, -rotation @ centre, intrinsics, distortion, size)
    return cameras


def write_qualisys(path: Path, cameras: dict[str, Camera]) -> None:
    """As a Qualisys system writes it: mm, y up and z backward, 64ths of a pixel."""
    lines = []
    for camera in cameras.values():
        turned = np.diag([1, -1, -1]) @ camera.rotation
        centre = -camera.rotation.T @ camera.translation * 1000
        pose = " ".join(f'r{i + 1}{j + 1}="{float(turned[i, j])}"' for i in range(3) for j in range(3))
        pose += " " + " ".join(f'{a}="{float(c)}"' for a, c in zip("xyz", centre, strict=True))
        k, (k1, k2, p1, p2, k3) = camera.intrinsics * 64, camera.distortion
        lens = f'focalLengthU="{k[0, 0]}" focalLengthV="{k[1, 1]}" centerPointU="{k[0, 2]}" '
        lens += f'centerPointV="{k[1, 2]}" radialDistortion1="{k1}" radialDistortion2="{k2}" '
        lens += f'radialDistortion3="{k3}" tangentalDistortion1="{p1}" tangentalDistortion2="{p2}"'
        width, height = camera.size
        view = f'left="0" top="0" right="{width - 1}" bottom="{height - 1}"'
        lines.append(
            f'<camera active="1" serial="{camera.name}"><fov_video {view}/>\n'
            f"<transform {pose}/>\n<intrinsic {lens}/></camera>\n"
        )
    text = f"<calibration>\n<cameras>\n{''.join(lines)}</cameras></calibration>\n"
    path.write_text(text)
