"""Every number of the generator, typed. The values and where they come from: `config/generator.yaml`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from jointreg.config.data import Kinds
from jointreg.config.values import Fraction, NonNegative, Settings
from jointreg.config.yaml_files import read_mapping
from jointreg.errors import ConfigError
from jointreg.skeleton import H36M_17, SMPL_24

SIMPLEST = Kinds(people="model", clothes="none", joints="own", markers="fixed", furniture="stools")
"""The simplest world: the first choice of every key."""

Vector = tuple[float, float, float]
Colour = tuple[Fraction, Fraction, Fraction]
Interval = tuple[float, float]


def _rising(value: Interval) -> Interval:
    if not 0 <= value[0] <= value[1]:
        raise ValueError(f"{value}: expected 0 <= least <= most")
    return value


def _above_zero(value: Interval) -> Interval:
    if min(value) <= 0:
        raise ValueError(f"{value}: expected numbers above 0")
    return value


def _at_most_8_cm(value: Interval) -> Interval:
    if value[1] > 0.08:
        raise ValueError(f"{value}: expected at most 0.08 m off the skin (the unit is metres)")
    return value


def _at_most_30_cm(value: Vector) -> Vector:
    if max(map(abs, value)) > 30:
        raise ValueError(f"{value}: expected at most 30 cm from a joint (the unit is centimetres)")
    return value


def _every_part(value: dict[str, object]) -> dict[str, object]:
    parts = {name.removeprefix("left_").removeprefix("right_") for name in H36M_17}
    if set(value) != parts:
        raise ValueError(f"the names are {sorted(value)}, expected {sorted(parts)}")
    return value


Range = Annotated[Interval, AfterValidator(_rising)]
Size = Annotated[Interval, AfterValidator(_above_zero)]
Span = Annotated[Range, AfterValidator(_above_zero)]
Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]
FromJoint = Annotated[Vector, AfterValidator(_at_most_30_cm)]
Points = Annotated[dict[str, FromJoint], AfterValidator(_every_part)]
Small = Annotated[float, Field(gt=0, le=3)]
"""Of furniture and bodies, metres."""
Angle = Annotated[float, Field(ge=0, le=1)]
"""Standard deviation of an error, radians."""
Betas = Annotated[list[Annotated[float, Field(ge=-5, le=5)]], Field(min_length=10, max_length=10)]
BiasBetas = Annotated[
    list[Annotated[float, Field(ge=-0.8, le=0.8)]], Field(min_length=10, max_length=10)
]


class Person(Settings):
    """One virtual subject."""

    free: NonNegativeInt = Field(description="row of the free people")
    betas: Betas = Field(description="true shape of a person of the model, standard deviations")
    skin: Colour = Field(description="albedo, linear RGB 0-1")
    hair: Colour = Field(description="albedo, linear RGB 0-1")
    shirt: Colour = Field(description="albedo, linear RGB 0-1")
    trousers: Colour = Field(description="albedo, linear RGB 0-1")
    shoes: Colour = Field(description="albedo, linear RGB 0-1")


class CameraPlan(Settings):
    """One camera of the ring, before the jitter of each subject's recording day."""

    position_m: Vector = Field(description="camera centre in the room, metres, z up")
    focal_px: Size = Field(description="fx, fy, pixels")
    centre_px: Interval = Field(description="cx, cy, pixels")
    distortion: Annotated[list[float], Field(min_length=5, max_length=5)] = Field(
        description="k1 k2 p1 p2 k3, OpenCV"
    )


class Rig(Settings):
    """Cameras and their mounting."""

    cameras: dict[str, CameraPlan] = Field(description="the four cameras by name, in order")
    look_at_m: Vector = Field(description="point that all cameras aim at, metres")
    position_jitter_m: NonNegative = Field(
        description="sd of a camera's position between subjects, metres"
    )
    aim_jitter_rad: Angle = Field(description="sd of a camera's aim between subjects, radians")


class Desk(Settings):
    """A desk and a chair's back at every stool, for `synthesize.furniture: desks`."""

    headings_rad: list[float] = Field(
        description="where the person on each stool looks: 0 is -y of the room, pi/2 is +x, radians"
    )
    above_seat_m: Small = Field(description="top of the desk above the stool, metres")
    near_m: Small = Field(description="near edge before the middle of the stool, metres")
    depth_m: Small = Field(description="of the desk, metres")
    width_m: Small = Field(description="of the desk, metres")
    panel_from_m: NonNegative = Field(description="lower edge of the panel at the far side, metres")
    back_behind_m: Small = Field(description="chair's back behind the stool's middle, metres")
    back_width_m: Small = Field(description="of the chair's back, metres")
    back_m: Small = Field(description="upper edge of the chair's back above the stool, metres")


class Room(Settings):
    """The static background."""

    half_size_m: Size = Field(description="half width (x) and half length (y) of the room, metres")
    height_m: PositiveFloat = Field(description="height of the walls, metres")
    wall: Colour = Field(description="albedo, linear RGB 0-1, of the walls")
    floor: Colour = Field(description="albedo, linear RGB 0-1, of the floor")
    ceiling: Colour = Field(description="albedo, linear RGB 0-1, of the ceiling")
    skirting: Colour = Field(description="albedo, linear RGB 0-1, of the skirting boards")
    texture: Fraction = Field(description="contrast of floor and wall texture")
    stools_m: list[Interval] = Field(description="x, y of the stools, one a sitting take, metres")
    desk: Desk

    @model_validator(mode="after")
    def _a_heading_a_stool(self) -> Self:
        if len(self.desk.headings_rad) != len(self.stools_m):
            raise ValueError(
                f"desk.headings_rad has {len(self.desk.headings_rad)} numbers, expected one for each of "
                f"the {len(self.stools_m)} stools"
            )
        return self


class Video(Settings):
    """Light, noise and compression of the videos."""

    supersampling: PositiveInt = Field(description="samples a pixel side; odd keeps masks unbiased")
    noise_grey: NonNegative = Field(description="sd of the sensor noise, grey levels of 255")
    shadow: Fraction = Field(description="share of light that the deepest floor shadow takes away")
    crf: PositiveInt = Field(le=51, description="x264 quality, smaller is better")
    preset: Preset = Field(description="x264 speed")


class Motion(Settings):
    """Ranges that a take draws from."""

    standing_places_m: list[Interval] = Field(description="x, y of the standing takes, metres")
    place_jitter_m: NonNegative = Field(description="sd of the place of a take, metres")
    gesture_s: Span = Field(description="time a gesture is held, shortest and longest, seconds")
    change_s: PositiveFloat = Field(description="time from one gesture to the next, seconds")
    amplitude: Range = Field(description="factor on a subject's gestures, smallest and largest")
    sway_rad: Angle = Field(description="sd of trunk and head sway, radians")
    walk_speed_m_s: Range = Field(description="walking speed, slowest and fastest, m/s")
    walk_cycle_s: Span = Field(description="time of two steps, shortest and longest, seconds")
    walk_path_m: Size = Field(description="half axes (x, y) of the walked ellipse, metres")


Cloth = Annotated[
    Interval,
    AfterValidator(_rising),
    AfterValidator(_at_most_8_cm),
    Field(description="mean distance from the skin, least and most among people, metres"),
]


class Outfit(Settings):
    """Clothes of one cut; what a person wears is drawn from the ranges."""

    trunk_m: Cloth
    upper_arm_m: Cloth
    forearm_m: Cloth
    thigh_m: Cloth
    shin_m: Cloth
    shoes_m: Cloth
    hair_m: Cloth
    long_sleeves: bool = Field(description="sleeves to the wrist; otherwise they end above the elbow")
    hang_m: Cloth = Field(description="how far cloth hangs below a level limb, metres")
    folds: Annotated[float, Field(ge=0, le=0.5)] = Field(
        description="sd of the distance from the skin by folds, as a share of it"
    )
    fold_m: Annotated[float, Field(ge=0.04, le=1)] = Field(description="from fold to fold, metres")
    fold_s: Annotated[float, Field(ge=0.1)] = Field(
        description="time in which folds move on by one, seconds"
    )

    @model_validator(mode="after")
    def _short_sleeves_end(self) -> Self:
        if not self.long_sleeves and self.forearm_m[1] > 0:
            raise ValueError(
                f"forearm_m is {self.forearm_m} with short sleeves: expected [0, 0], "
                "or long_sleeves: true"
            )
        return self


class Clothes(Settings):
    """Outfits by `synthesize.clothes`."""

    tight: Outfit
    loose: Outfit


class Moving(Settings):
    """How labels move on the skin, for `synthesize.markers: moving`."""

    slide_m_rad: Annotated[
        dict[str, Annotated[float, Field(ge=0, le=0.03)]], AfterValidator(_every_part)
    ] = Field(description="shift of a label in its limb's frame by a radian of its joint, metres")
    own: Fraction = Field(description="share of the slide's variance that is each subject's own")
    wander_m: Annotated[float, Field(ge=0, le=0.03)] = Field(
        description="sd of slow errors along each axis of the room, metres"
    )


class Labels(Settings):
    """Labelled points and their errors."""

    points_cm: Points = Field(
        description="offset from the skeleton joint: outwards (left), up, forward, T-pose, cm"
    )
    human36m_points_cm: Points = Field(description="the same for `synthesize.joints: human36m`")
    smoothing_m: Annotated[float, Field(ge=0.005, le=0.2)] = Field(
        description="size of the skin patch a point is averaged over, metres"
    )
    subject_offset_m: Annotated[float, Field(ge=0, le=0.05)] = Field(
        description="length of each subject's own label offset, metres"
    )
    moving: Moving


class StandardRegressor(Settings):
    """How J_std is made: bodies fitted to labels only, as with motion-capture markers."""

    bodies: PositiveInt = Field(description="random bodies it is fitted on")
    steps: PositiveInt = Field(description="Gauss-Newton steps of each fit")
    pose_prior: NonNegative = Field(description="weight of the pose prior, m^2/rad^2")
    shape_prior: NonNegative = Field(description="weight of the shape prior, m^2")
    reach_m: Small = Field(description="vertices this near to a joint may enter its row, metres")
    assumed_cm: dict[Literal["nose", "head_top"], FromJoint] = Field(
        description="where the fit believes nose and head top: left, up, forward of the head joint, cm"
    )
    human36m_assumed_cm: dict[str, FromJoint] = Field(
        description="for `synthesize.joints: human36m` where it believes every label: left, up, forward "
        "of its skeleton joint, cm"
    )

    @model_validator(mode="after")
    def _every_joint(self) -> Self:
        if set(self.human36m_assumed_cm) != set(H36M_17):
            raise ValueError(
                f"human36m_assumed_cm has {sorted(self.human36m_assumed_cm)}, expected {sorted(H36M_17)}"
            )
        return self


class Method(Settings):
    """One simulated estimator."""

    shared: Fraction = Field(description="correlation of its errors with the leading method's")
    scale: Annotated[float, Field(gt=0, le=20)] = Field(description="factor on the pose errors")


class Estimators(Settings):
    """Errors of the simulated estimators."""

    leading: str = Field(description="the method whose errors others may share")
    methods: dict[str, Method] = Field(description="by name")
    shape_bias: dict[str, BiasBetas] = Field(
        description="added to the true betas; methods that share errors have none of their own"
    )
    shape_noise: NonNegative = Field(description="sd of betas between frames, standard deviations")
    pose_bias_rad: Angle = Field(
        description="sd of the error that all frames share, a joint of weight 1"
    )
    pose_noise_rad: Angle = Field(description="sd of the error that comes and goes, a joint of weight 1")
    joint_weight: dict[str, NonNegative] = Field(
        description="weight of each skeleton joint, without side"
    )
    orientation_bias_rad: Angle = Field(description="sd of the root rotation's error of a camera")
    orientation_noise_rad: Angle = Field(description="sd of the root rotation's error of a frame")
    noise_time_s: PositiveFloat = Field(
        description="correlation time of all that comes and goes, seconds"
    )
    depth_bias: float = Field(description="relative error of the distance that all frames share")
    depth_noise: NonNegative = Field(description="sd of the relative error of the distance")
    lateral_noise_m: NonNegative = Field(
        description="sd of the position across the line of sight, metres"
    )

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        if self.leading not in self.methods or set(self.methods) != set(self.shape_bias):
            raise ValueError(
                f"leading is '{self.leading}', methods are {sorted(self.methods)}, shape_bias has "
                f"{sorted(self.shape_bias)}: expected the same names"
            )
        joints = {joint.removeprefix("left_").removeprefix("right_") for joint in SMPL_24[1:]}
        if set(self.joint_weight) != joints:
            raise ValueError(f"joint_weight has {sorted(self.joint_weight)}, expected {sorted(joints)}")
        return self


class Parameters(Settings):
    """The whole of `config/generator.yaml`."""

    planted_seed: int = Field(
        description="seed of what is planted: label offsets, pose biases, rig jitter"
    )
    body: Literal["open"] = Field(description="the body model")
    subjects: dict[str, Person] = Field(min_length=1, description="people by Human3.6M's subject names")
    rig: Rig
    room: Room
    video: Video
    motion: Motion
    hands_rad: Interval = Field(description="bend of free people's fingertips, least and most, radians")
    clothes: Clothes
    labels: Labels
    standard_regressor: StandardRegressor
    estimators: Estimators

    def person(self, subject: str) -> Person:
        """The person called `subject`.

        Raises:
            ConfigError: nobody has this name.
        """
        if subject not in self.subjects:
            raise ConfigError(
                f"subject '{subject}' is not in the generator's table, expected one of "
                f"{', '.join(self.subjects)}",
                "correct the sequence table, or add the person to config/generator.yaml",
            )
        return self.subjects[subject]


def with_joints(parameters: Parameters, joints: Literal["own", "human36m"]) -> Parameters:
    """The parameters with the labelled points, and what J_std's fit believes, of `synthesize.joints`."""
    if joints == "own":
        return parameters
    labels, standard = parameters.labels, parameters.standard_regressor
    return parameters.model_copy(
        update={
            "labels": labels.model_copy(update={"points_cm": labels.human36m_points_cm}),
            "standard_regressor": standard.model_copy(
                update={"assumed_cm": standard.human36m_assumed_cm}
            ),
        }
    )


def load_parameters(path: str | Path) -> Parameters:
    """Read the generator's parameters.

    Raises:
        ConfigError: the file is missing, or a key is missing, unknown or of the wrong kind.
    """
    values = read_mapping(path)
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{path}: {error!s:.2000}", "compare it with config/generator.yaml") from error
