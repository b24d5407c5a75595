"""A made-up capture for tests: a person of capsules before a textured wall, seen by a real lens."""

from pathlib import Path

import av
import cv2
import numpy as np

from jointreg.datasets.recording import Recording
from jointreg.geometry.camera import Camera
from jointreg.skeleton import H36M_17, LIMBS

FINE = 4
"""Samples a pixel and side when the person is drawn."""

STANDING = {
    "pelvis": (0.0, 0.0, 0.0),
    "left_hip": (0.13, 0.0, 0.0),
    "left_knee": (0.16, 0.44, 0.0),
    "left_ankle": (0.17, 0.87, 0.0),
    "right_hip": (-0.13, 0.0, 0.0),
    "right_knee": (-0.16, 0.44, 0.0),
    "right_ankle": (-0.17, 0.87, 0.0),
    "spine": (0.0, -0.24, 0.0),
    "neck": (0.0, -0.49, 0.0),
    "nose": (0.0, -0.58, -0.06),
    "head_top": (0.0, -0.70, 0.0),
    "left_shoulder": (0.15, -0.45, 0.0),
    "left_elbow": (0.42, -0.35, 0.0),
    "left_wrist": (0.62, -0.20, 0.0),
    "right_shoulder": (-0.15, -0.45, 0.0),
    "right_elbow": (-0.42, -0.40, 0.0),
    "right_wrist": (-0.60, -0.58, 0.0),
}


def camera(size: int = 500, name: str = "54138969") -> Camera:
    """Human3.6M's first lens, scaled to a square image of `size` px, at the world's origin."""
    scale = size / 1000
    k = np.array([[1145.05 * scale, 0, 512.5 * scale], [0, 1143.78 * scale, 515.5 * scale], [0, 0, 1.0]])
    distortion = np.array([-0.2070989, 0.2477752, -0.0014245, -0.0009757, -0.0030752])
    return Camera(name, np.eye(3), np.zeros(3), k, distortion, (size, size))


def walk(count: int, depth: float = 4.5) -> np.ndarray:
    """Joints (count, 17, 3) m, camera frame: a standing figure that crosses the room, arms swinging."""
    base = np.array([STANDING[joint] for joint in H36M_17])
    joints = np.repeat(base[None], count, axis=0)
    for frame, phase in enumerate(np.linspace(0, 1, count)):
        joints[frame] += (1.6 * phase - 0.8, 0.1, depth + 0.2 * np.sin(6 * phase))
        joints[frame, H36M_17.index("left_wrist"), 1] += 0.15 * np.sin(9 * phase)
        joints[frame, H36M_17.index("right_ankle"), 0] -= 0.10 * np.sin(7 * phase)
    return joints


def coverage(view: Camera, joints: np.ndarray) -> np.ndarray:
    """Share of every pixel that the figure covers, (height, width) float32 in 0..1."""
    width, height = view.size
    fine = np.zeros((height * FINE, width * FINE), np.uint8)
    pixels = view.project(joints)
    for upper, lower in LIMBS:
        torso = {upper, lower} <= {"pelvis", "spine", "neck", "left_hip", "right_hip"}
        radius_m = 0.14 if torso else 0.09 if "nose" in (upper, lower) else 0.055
        radius = radius_m * view.intrinsics[0, 0] / joints[:, 2].mean() * FINE
        ends = [
            ((pixels[H36M_17.index(joint)] + 0.5) * FINE - 0.5).round().astype(int).tolist()
            for joint in (upper, lower)
        ]
        cv2.line(fine, ends[0], ends[1], 255, 2 * round(radius), cv2.LINE_8)
        for end in ends:
            cv2.circle(fine, end, round(radius), 255, -1)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def empty_room(view: Camera, generator: np.random.Generator) -> np.ndarray:
    """Smoothly textured background, (height, width, 3) float32 RGB."""
    width, height = view.size
    coarse = generator.uniform(90, 190, (height // 20, width // 20, 1)) + generator.uniform(
        -15, 15, (height // 20, width // 20, 3)
    )
    return cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)


def images(
    view: Camera, joints: np.ndarray, generator: np.random.Generator, shadow: float = 0.0
) -> np.ndarray:
    """Pictures (N, height, width, 3) uint8 of the figure, with noise and a cast shadow at the feet."""
    room = empty_room(view, np.random.default_rng(5))
    height, width = room.shape[:2]
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    shirt, trousers = np.array([150, 40, 50.0]), np.array([35, 45, 90.0])
    pictures = []
    for pose in joints:
        alpha = coverage(view, pose)[..., None]
        pelvis, ankle = (view.project(pose[[H36M_17.index(j)]])[0] for j in ("pelvis", "left_ankle"))
        person = np.where((row < pelvis[1])[..., None], shirt, trousers)
        person = person * (0.85 + 0.15 * np.sin(column / 9.0))[..., None]
        distance = np.hypot((column - pelvis[0]) / 60, (row - ankle[1]) / 14)
        light = 1 - shadow * np.exp(-(distance**2))
        mixed = alpha * _to_light(person) + (1 - alpha) * _to_light(room) * light[..., None]
        pictures.append(_to_srgb(mixed) + generator.normal(0, 2.0, room.shape))
    return np.clip(np.round(pictures), 0, 255).astype(np.uint8)


def _to_light(grey: np.ndarray) -> np.ndarray:
    """Grey values 0-255 (sRGB) to linear light."""
    share = grey / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def _to_srgb(light: np.ndarray) -> np.ndarray:
    """Linear light to grey values 0-255 (sRGB)."""
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def write_video(path: Path, pictures: np.ndarray, rate: int = 25) -> Path:
    """Write pictures as H.264 in an mp4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "14", "preset": "veryfast"})
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def recording(
    video: Path, view: Camera, joints: np.ndarray, take: str = "1", **more: object
) -> Recording:
    """A recording of subject S1, action Walking."""
    return Recording("S1", "Walking", take, view, video, joints, range(len(joints)), **more)
