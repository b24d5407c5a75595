"""Triangulated labels in words. Rule files read them, so nothing here needs the landmark network."""

from jointreg import config

LABELS_ABOUT = """\
Triangulated 2D landmarks of BlazePose (pose_landmark_full, MediaPipe 0.10.21); no markers.
Hips, knees, ankles, shoulders, elbows and wrists are the network's landmarks of that name.
pelvis: midpoint of the hips. neck: midpoint of the shoulders. spine: midpoint of pelvis and neck.
nose: the network's nose. head_top: beyond the midpoint of the ears by 0.6 of its way from the neck.
Joints no two cameras show are interpolated over at most {gap} frames; {smoothing}."""
"""A description of the labels, stored with them and printed in captions."""

LONGEST_GAP = 5
"""Most frames in a row without a view of a joint that are bridged by a straight line."""


def labels_words(settings: config.Triangulate) -> str:
    """The description of labels with these settings."""
    hz = settings.smoothing_hz
    smoothing = f"low-pass filter at {hz:g} Hz" if hz else "unsmoothed"
    return LABELS_ABOUT.format(gap=LONGEST_GAP, smoothing=smoothing)
