"""2D landmarks and person masks by BlazePose's landmark network in TensorFlow Lite form.

The network (`pose_landmark_full.tflite`, Apache-2.0, part of the PyPI package `mediapipe` 0.10.21)
takes one square crop of 256 x 256 around one person. It gives 33 landmarks, their visibility, the
presence of a person and a person mask. A person is detected once in a video and then followed: the crop
of a frame is the box of the previous frame's landmarks with a margin. The network runs on
`ai-edge-litert`, the optional dependency `jointreg[lab]`, without torch.

Source: Bazarevsky et al., BlazePose: On-device Real-time Body Pose Tracking, 2020.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jointreg.config.joint_sets import H36M, JointSet
from jointreg.errors import INSTALL, ConfigError, DataError, ShapeError
from jointreg.files.input import require_file
from jointreg.progress import progress

BLAZEPOSE_33: tuple[str, ...] = (
    *("nose", "left_eye_inner", "left_eye", "left_eye_outer"),
    *("right_eye_inner", "right_eye", "right_eye_outer", "left_ear", "right_ear"),
    *("mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
    *("left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index"),
    *("left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee"),
    *("left_ankle", "right_ankle", "left_heel", "right_heel", "left_foot_index", "right_foot_index"),
)
"""The 33 landmarks in the network's order."""

MIRROR_33: np.ndarray = np.array(
    [
        BLAZEPOSE_33.index(name.replace("left", "#").replace("right", "left").replace("#", "right"))
        for name in BLAZEPOSE_33
    ]
)
"""Index of the landmark on the other side of the body, (33,)."""

INPUT = 256
"""Side of the network's input, pixels."""

MARGIN = 1.35
"""Side of a crop over the larger extent of the 33 landmarks."""

JOINT_MARGIN = 1.45
"""The same over the extent of the 17 labelled joints, which end at wrists and ankles."""

PRESENT = 0.5
"""Least presence of a person where none is followed yet."""

STILL_PRESENT = 0.1
"""Least presence of a person who is followed: views from behind give 0.2 with good landmarks."""


class Landmarks(NamedTuple):
    """The network's output for N crops."""

    points: np.ndarray
    """(N, 33, 2) crop pixels, edges at 0 and 256."""
    visibility: np.ndarray
    """Probability that a landmark is in the image and not hidden, (N, 33)."""
    presence: np.ndarray
    """Probability that the crop shows a person, (N,)."""
    masks: np.ndarray
    """Probability of person, (N, 256, 256) float32."""


class Landmarker:
    """The network, loaded once.

    Args:
        path: `pose_landmark_full.tflite`.

    Raises:
        ConfigError: `ai-edge-litert` is not installed.
        DataError: the file is missing or is another network.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        require_file(path, "landmark network", "python tools/fetch_lab.py")
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ConfigError(
                f"landmarks need the package ai-edge-litert ({error})",
                INSTALL.format("lab"),
            ) from error
        try:
            self._network = Interpreter(str(path), num_threads=1)
            self._network.allocate_tensors()
        except ValueError as error:
            raise DataError(
                f"{path} is not a TensorFlow Lite network: {error}", "python tools/fetch_lab.py"
            ) from error
        inputs, outputs = self._network.get_input_details(), self._network.get_output_details()
        self._input = inputs[0]["index"]
        self._output = {tuple(detail["shape"]): detail["index"] for detail in outputs}
        wanted = {(1, 195), (1, 1), (1, INPUT, INPUT, 1)}
        if tuple(inputs[0]["shape"]) != (1, INPUT, INPUT, 3) or not wanted <= set(self._output):
            raise DataError(
                f"{path}: outputs are {sorted(self._output)}, expected {sorted(wanted)} among them",
                "use pose_landmark_full.tflite of mediapipe 0.10.21",
            )

    def __call__(self, crops: np.ndarray) -> Landmarks:
        """Landmarks and masks of upright crops, (N, 256, 256, 3) uint8 RGB."""
        if crops.shape[1:] != (INPUT, INPUT, 3) or crops.dtype != np.uint8:
            raise ShapeError(
                f"crops are {crops.dtype} {crops.shape}, expected uint8 (N, 256, 256, 3)",
                "resample them with labels.landmarker.cut",
            )
        count = len(crops)
        rows = np.empty((count, 39, 5), np.float32)
        presence = np.empty(count, np.float32)
        masks = np.empty((count, INPUT, INPUT), np.float32)
        for n, crop in enumerate(crops):
            self._network.set_tensor(self._input, crop[None].astype(np.float32) / 255)
            self._network.invoke()
            rows[n] = self._network.get_tensor(self._output[1, 195]).reshape(39, 5)
            presence[n] = self._network.get_tensor(self._output[1, 1])[0, 0]
            masks[n] = self._network.get_tensor(self._output[1, INPUT, INPUT, 1])[0, ..., 0]
        points = rows[:, : len(BLAZEPOSE_33)]
        return Landmarks(points[..., :2], _sigmoid(points[..., 3]), presence, _sigmoid(masks))


class Box(NamedTuple):
    """A square window in an image, turned about its centre."""

    x: float
    y: float
    """Centre, image pixels."""
    side: float
    """Image pixels."""
    angle: float
    """Clockwise turn on the screen, radians. A person who leans by it is upright in the crop."""

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Crop pixels (edges at 0 and 256) to image pixels, (..., 2) -> (..., 2)."""
        centred = (np.asarray(points, dtype=float) - INPUT / 2) * (self.side / INPUT)
        return centred @ _turn(self.angle).T + [self.x, self.y]


def segment_crops(
    landmarker: Landmarker,
    crops: np.ndarray,
    joints_px: np.ndarray | None = None,
    joint_set: JointSet = H36M,
) -> tuple[np.ndarray, np.ndarray]:
    """Person masks of the crops that `prepare` made (segment method `landmarker`).

    The network first looks at the person turned upright by the labelled trunk (without labels, at the
    whole crop), then at a window around its own landmarks. The look with the greater presence gives the
    mask.

    Args:
        landmarker: the loaded network.
        crops: (N, S, S, 3) uint8 RGB, one person each, about 1.1 to 1.6 times as large as the person.
        joints_px: labels in the crop, (N, J, 2).
        joint_set: what the labels are.

    Returns:
        Masks (N, S, S) uint8, probability x 255, and scores (N,) float32, the network's presence.
        Below a presence of `PRESENT` the mask is empty and the score 0.

    Raises:
        ShapeError: crops or joints of another shape.
    """
    if crops.ndim != 4 or crops.shape[1] != crops.shape[2] or crops.dtype != np.uint8:
        raise ShapeError(
            f"crops are {crops.dtype} {crops.shape}, expected uint8 (N, S, S, 3)",
            "give the crops of a frames store",
        )
    expected = len(crops), len(joint_set.joints), 2
    if joints_px is not None and joints_px.shape != expected:
        raise ShapeError(
            f"joints_px have shape {joints_px.shape}, expected {expected}",
            "give the labels of the same frames",
        )
    size = crops.shape[1]
    masks = np.zeros(crops.shape[:3], np.uint8)
    scores = np.zeros(len(crops), np.float32)
    for n, crop in enumerate(progress(crops, "frames")):
        box = Box((size - 1) / 2, (size - 1) / 2, size, 0.0)
        if joints_px is not None:
            box = around_joints(joints_px[n], joint_set)
        looks = look_twice(landmarker, crop, box, STILL_PRESENT)
        best = max(looks, key=lambda look: look.presence, default=None)
        if best is not None and best.presence >= PRESENT:
            masks[n], scores[n] = _mask_in(best, size), best.presence
    return masks, scores


def around_joints(joints_px: np.ndarray, joint_set: JointSet = H36M) -> Box:
    """Window around labelled joints (J, 2) with space for hands and feet, turned with the trunk."""
    low, high = joint_set.trunk(joints_px)
    return _window(np.asarray(joints_px, dtype=float), high - low, JOINT_MARGIN)


def around(points_px: np.ndarray) -> Box:
    """Window around 33 landmarks (33, 2): `MARGIN` times their extent, turned with the trunk."""
    shoulders, hips = (
        points_px[[BLAZEPOSE_33.index(f"{side}_{name}") for side in ("left", "right")]].mean(0)
        for name in ("shoulder", "hip")
    )
    return _window(points_px, shoulders - hips, MARGIN)


def cut(image: np.ndarray, box: Box) -> np.ndarray:
    """The window of an image, black beyond the image: (H, W, 3) uint8 -> (256, 256, 3) uint8.

    Large windows are averaged down before they are turned, so that nothing aliases.
    """
    import cv2

    shrink = max(int(box.side / INPUT), 1)
    reach = int(np.ceil(box.side * 0.75 / shrink)) * shrink
    left, top = int(np.floor(box.x)) - reach, int(np.floor(box.y)) - reach
    height, width = image.shape[:2]
    inner = image[max(top, 0) : max(top + 2 * reach, 0), max(left, 0) : max(left + 2 * reach, 0)]
    if inner.size == 0:
        return np.zeros((INPUT, INPUT, 3), np.uint8)
    above, below = max(-top, 0), max(top + 2 * reach - height, 0)
    before, after = max(-left, 0), max(left + 2 * reach - width, 0)
    patch = cv2.copyMakeBorder(inner, above, below, before, after, cv2.BORDER_CONSTANT)
    patch = cv2.resize(patch, (2 * reach // shrink,) * 2, interpolation=cv2.INTER_AREA)
    # network pixel -> image pixel -> patch pixel, centres of first pixels at 0
    matrix = box.side / INPUT * _turn(box.angle)
    shift = matrix @ np.full(2, 0.5 - INPUT / 2) + [box.x - left + 0.5, box.y - top + 0.5]
    return cv2.warpAffine(
        patch,
        np.column_stack([matrix / shrink, shift / shrink - 0.5]),
        (INPUT, INPUT),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )


class Look(NamedTuple):
    """The network's output for one window of an image."""

    box: Box
    points: np.ndarray
    """Landmarks, (33, 2) image pixels."""
    visibility: np.ndarray
    """(33,) in 0..1."""
    presence: float
    mask: np.ndarray
    """(256, 256) in the window's own pixels, 0..1."""


def look_at(landmarker: Landmarker, image: np.ndarray, box: Box, least: float) -> Look | None:
    """One look through a window; None where the presence of a person is below `least`."""
    landmarks = landmarker(cut(image, box)[None])
    points, presence = box.to_image(landmarks.points[0]), float(landmarks.presence[0])
    if presence < least or float(np.ptp(points, axis=0).max()) < 8:
        return None
    return Look(box, points, landmarks.visibility[0], presence, landmarks.masks[0])


def look_twice(landmarker: Landmarker, image: np.ndarray, box: Box, least: float) -> list[Look]:
    """A look through a window, then one through the window around its landmarks; 0 to 2 looks."""
    first = look_at(landmarker, image, box, least)
    second = None if first is None else look_at(landmarker, image, around(first.points), least)
    return [look for look in (first, second) if look is not None]


def _window(points_px: np.ndarray, up: np.ndarray, margin: float) -> Box:
    angle = float(np.arctan2(up[0], -up[1]))
    upright = points_px @ _turn(angle)
    low, high = upright.min(0), upright.max(0)
    x, y = (low + high) / 2 @ _turn(angle).T
    return Box(float(x), float(y), margin * float((high - low).max()), angle)


def _mask_in(look: Look, size: int) -> np.ndarray:
    """The mask of a look in the pixels of its image, (size, size) uint8."""
    import cv2

    # image pixel -> network pixel, centres of first pixels at 0
    matrix = INPUT / look.box.side * _turn(-look.box.angle)
    shift = INPUT / 2 - 0.5 - matrix @ [look.box.x, look.box.y]
    mask = cv2.warpAffine(
        look.mask,
        np.column_stack([matrix, shift]),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    return np.rint(255 * mask).astype(np.uint8)


def _turn(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])


def _sigmoid(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(value, -60, 60)))
