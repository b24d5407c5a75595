"""Files that all subjects of the open data set share: cameras and file names, J_std and J_true."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jointreg.body.files import load_body
from jointreg.config.data import Kinds
from jointreg.errors import ConfigError
from jointreg.exchange.regressor import Regressor
from jointreg.exchange.regressor_files import save_regressor
from jointreg.geometry.camera import Camera
from jointreg.geometry.rotations import from_axis_angle
from jointreg.provenance import seed_for
from jointreg.synthetic.labels import planted_generator, true_regressor
from jointreg.synthetic.layout import recording_name, subject_number, take_number
from jointreg.synthetic.motion.actions import require_known
from jointreg.synthetic.parameters import SIMPLEST, Parameters, with_joints
from jointreg.synthetic.standard_regressor import standard_regressor

METADATA = "metadata.xml"
STANDARD = "J_regressor_h36m.npy"
TRUE = "J_true.npy"


def write_rig(
    root: str | Path,
    truth: str | Path,
    parameters: Parameters,
    subjects: Sequence[str],
    actions: Sequence[str],
    takes: Sequence[str],
    camera_names: Sequence[str],
    seed: int,
    kinds: Kinds = SIMPLEST,
) -> None:
    """Write `metadata.xml` and J_std under `root`, J_true under `truth`.

    Args:
        root: folder of the raw data.
        truth: folder that only `diagnose` may read.
        parameters: of the generator.
        subjects: Human3.6M's names of the subjects that will be made.
        actions: actions that will be made.
        takes: sub-action numbers, "1" and "2".
        camera_names: cameras that will be filmed by; the rig always has all four.
        seed: for the random bodies that J_std is fitted on.
        kinds: which joints are labelled.

    Raises:
        ConfigError: a subject, action, take or camera that the generator does not list.
    """
    from jointreg.datasets.human36m.metadata import ACTIONS as NUMBERS
    from jointreg.datasets.human36m.metadata import write_metadata

    parameters = with_joints(parameters, kinds.joints)
    require_cameras(camera_names, parameters)
    for action in actions:
        require_known(action)
    root, truth = Path(root), Path(truth)
    cameras = {subject_number(subject): cameras_of(subject, parameters) for subject in subjects}
    mapping = {
        (NUMBERS[action], take_number(take)): {
            subject_number(subject): recording_name(subject, action, take) for subject in subjects
        }
        for action in actions
        for take in takes
    }
    write_metadata(root / METADATA, cameras, mapping)
    body = load_body(parameters.body)
    true = true_regressor(body, parameters.labels)
    generator = np.random.default_rng(seed_for(seed, "J_std"))
    standard = Regressor(standard_regressor(body, true, parameters, generator))
    save_regressor(standard, root / STANDARD, body=body)
    save_regressor(Regressor(true), truth / TRUE, body=body)


def cameras_of(subject: str, parameters: Parameters) -> list[Camera]:
    """The four cameras on one subject's recording day.

    Raises:
        ConfigError: nobody has this name.
    """
    from jointreg.datasets.human36m.metadata import CAMERAS, image_size

    parameters.person(subject)
    require_cameras((), parameters)
    rig = parameters.rig
    cameras = []
    for index, name in enumerate(CAMERAS):
        plan = rig.cameras[name]
        generator = planted_generator(parameters.planted_seed, "camera", subject, name)
        position = np.array(plan.position_m) + rig.position_jitter_m * generator.standard_normal(3)
        aim = from_axis_angle(rig.aim_jitter_rad * generator.standard_normal(3))
        rotation = aim @ look_at(position, np.array(rig.look_at_m))
        (fx, fy), (cx, cy) = plan.focal_px, plan.centre_px
        cameras.append(
            Camera(
                name=name,
                rotation=rotation,
                translation=-rotation @ position,
                intrinsics=np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
                distortion=np.array(plan.distortion),
                size=image_size(subject_number(subject), index),
            )
        )
    return cameras


def look_at(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """World to camera (3, 3), camera upright and aimed at `target`; world z is up."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def require_cameras(names: Sequence[str], parameters: Parameters) -> None:
    """Refuse cameras that the rig does not have.

    Raises:
        ConfigError: an unknown name, or a rig that is not Human3.6M's four.
    """
    from jointreg.datasets.human36m.metadata import CAMERAS

    if set(parameters.rig.cameras) != set(CAMERAS):
        raise ConfigError(
            f"rig.cameras are {sorted(parameters.rig.cameras)}, expected {sorted(CAMERAS)}"
        )
    unknown = [name for name in names if name not in CAMERAS]
    if unknown:
        raise ConfigError(f"camera '{unknown[0]}' is unknown, expected one of {', '.join(CAMERAS)}")
