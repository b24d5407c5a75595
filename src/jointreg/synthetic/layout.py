"""Writes Human3.6M's raw layout: file names, CDF poses, the 32-joint skeleton, video.

docs/human36m.md describes the real files; `jointreg.datasets.human36m.files` reads them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from jointreg.arrays import on_grid
from jointreg.errors import ConfigError
from jointreg.files.atomic import replacing
from jointreg.skeleton import H36M_17, H36M_17_IN_32, SMPL_24
from jointreg.synthetic.parameters import Video

REPEATED = {11: 0, 16: 13, 24: 13, 20: 19, 23: 22, 28: 27, 31: 30}
"""Rows of the 32-joint skeleton that coincide with another row in every file of the data set."""

EXTRA: dict[int, tuple[str, tuple[float, float, float]]] = {
    4: ("right_foot", (0.0, 0.0, 0.0)),
    5: ("right_foot", (0.0, -0.01, 0.06)),
    9: ("left_foot", (0.0, 0.0, 0.0)),
    10: ("left_foot", (0.0, -0.01, 0.06)),
    21: ("left_hand", (0.02, 0.0, 0.04)),
    22: ("left_hand", (0.05, 0.0, 0.0)),
    29: ("right_hand", (-0.02, 0.0, 0.04)),
    30: ("right_hand", (-0.05, 0.0, 0.0)),
}
"""Rows outside the 17: skeleton joint and offset in its T-pose frame, metres. Ends of feet and hands."""


S1_NAMES = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog"}
"""Names of actions that S1's files spell differently."""

LABEL_STEP = 2.0**-10
"""Labels are multiples of this, mm or px: last bits differ between processors and are not written."""


def subject_number(subject: str) -> int:
    """1 for "S1".

    Raises:
        ConfigError: not one of S1 to S11.
    """
    if subject[:1] != "S" or not subject[1:].isdigit() or not 1 <= int(subject[1:]) <= 11:
        raise ConfigError(f"subject is '{subject}', expected S1 to S11 as in Human3.6M")
    return int(subject[1:])


def take_number(take: str) -> int:
    """1 for "1".

    Raises:
        ConfigError: not a positive whole number.
    """
    if not take.isdigit() or int(take) < 1:
        raise ConfigError(f"take is '{take}', expected a sub-action number of Human3.6M: 1 or 2")
    return int(take)


def recording_name(subject: str, action: str, take: str) -> str:
    """File name without camera, irregular like the real ones: S5 counts from 1, the others from none."""
    number = take_number(take) if subject == "S5" else take_number(take) - 1
    name = S1_NAMES.get(action, action) if subject == "S1" else action
    return name if number == 0 else f"{name} {number}"


def full_skeleton(labels: np.ndarray, limb_rotations: np.ndarray, skeleton: np.ndarray) -> np.ndarray:
    """The 32 joints of Human3.6M from the 17 labels and the body's skeleton.

    Args:
        labels: (N, 17, 3) metres.
        limb_rotations: global rotations of the 24 skeleton joints, same frame, (N, 24, 3, 3).
        skeleton: the 24 skeleton joints, (N, 24, 3) metres.

    Returns:
        (N, 32, 3) metres.
    """
    joints = np.zeros((len(labels), 32, 3))
    joints[:, list(H36M_17_IN_32)] = labels
    # A point of hand or foot moves with the label of its limb, whose offset it shares.
    for row, (name, offset) in EXTRA.items():
        joint = SMPL_24.index(name)
        end = name.replace("hand", "wrist").replace("foot", "ankle")
        shift = labels[:, H36M_17.index(end)] - skeleton[:, SMPL_24.index(end)]
        point = np.einsum("nab,b->na", limb_rotations[:, joint], np.array(offset))
        joints[:, row] = skeleton[:, joint] + point + shift
    for row, same in REPEATED.items():
        joints[:, row] = joints[:, same]
    return joints


def write_cdf(path: Path, values: np.ndarray) -> None:
    """One CDF as the data set has it: variable `Pose`, (N, C) -> shape (1, N, C), double precision.

    Values, mm or px, are rounded to `LABEL_STEP`.
    """
    from cdflib.cdfwrite import CDF

    with replacing(path) as temporary:
        file = CDF(temporary, cdf_spec={"Compressed": 0}, delete=True)
        spec = {
            "Variable": "Pose",
            "Data_Type": CDF.CDF_DOUBLE,
            "Num_Elements": 1,
            "Rec_Vary": True,
            "Dim_Sizes": list(values.shape),
            "Var_Type": "zVariable",
            "Compress": 0,
        }
        file.write_var(
            spec, var_data=on_grid(np.ascontiguousarray(values, dtype=np.float64), LABEL_STEP)[None]
        )
        file.close()


@contextmanager
def writing_video(
    path: Path, size: tuple[int, int], frames_per_second: float, video: Video
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write an H.264 mp4; gives the function that appends a frame, (H, W, 3) uint8 RGB."""
    import av

    with replacing(path) as temporary, av.open(str(temporary), "w") as container:
        rate = Fraction(frames_per_second).limit_denominator(1000)
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        # x264's fastest routines look at stray memory beside the picture: without `cpu-independent`
        # equal frames may give other bytes in the next run.
        stream.options = {
            "crf": str(video.crf),
            "preset": video.preset,
            "threads": "1",
            "x264-params": "cpu-independent=1",
        }

        def add(image: np.ndarray) -> None:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))

        yield add
        container.mux(stream.encode(None))


def save_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write a compressed npz; same arrays, same bytes."""
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def rows_of(takes: Sequence[str], cameras: Sequence[str], frames: int) -> dict[str, np.ndarray]:
    """Keys `take`, `camera` (text) and `frame` of all rows: by take, then camera, then frame."""
    take, camera, frame = np.meshgrid(takes, cameras, np.arange(frames), indexing="ij")
    return {"take": take.ravel(), "camera": camera.ravel(), "frame": frame.ravel().astype(np.int32)}
