"""Every setting, typed. One class per block of the configuration; unknown keys are refused.

`config/config.yaml` contains the value of every key; the other files in `config/` override it. The
classes have no defaults on purpose: a number has one home, and that is the YAML.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    model_validator,
)

from jointreg.config.data import Dataset, RawFiles, Synthesize
from jointreg.config.values import (
    Count,
    CountOrZero,
    Fraction,
    LearningRate,
    Metres,
    Name,
    Names,
    NonNegative,
    Positive,
    Settings,
    changes,
    changes_of,
    number,
)

REFERENCE = "full"
"""The variant that Table I calls opt: every run has it."""
REFERENCE_REGRESSOR = f"opt_{REFERENCE}"
"""Its regressor, J_opt, in the evaluation."""
RECOMMENDED = "recommended"
"""The variant whose regressor is nearest to the truth: docs/refinement.md."""


class Triangulate(Settings):
    """Labels of calibrated videos (dataset.source landmarks; rules landmarks, triangulate)."""

    weights: str = Field(description="pose_landmark_full.tflite; empty for other sources")
    outlier_px: Positive = Field(description="a view with a larger reprojection error is left out, px")
    max_shift: Count = Field(description="largest offset between two videos, frames")
    smoothing_hz: NonNegative = Field(description="low-pass filter of the labels, -3 dB; 0 for none, Hz")


class Prepare(Settings):
    """Frames, crops and labels of one sequence (rule prepare)."""

    frame_step: Count = Field(description="use every n-th video frame, counted from 0")
    margin_m: Metres = Field(description="margin of the crop around the labelled joints, metres")


class Background(Settings):
    """Empty-room image of each camera (rule background)."""

    max_frames: Count = Field(description="largest number of video frames used for one camera")


class Segment(Settings):
    """Person masks (rule segment)."""

    method: Literal["background", "landmarker", "detectron2", "torchvision"] = Field(
        description="background: needs no weights; landmarker: tflite; detectron2, torchvision: Mask "
        "R-CNN"
    )
    threshold: Positive = Field(
        description="background: distance from the empty room that counts as person, noise deviations"
    )
    weights: str = Field(description="file with the network's weights; empty for background")
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{8,64})?$")] = Field(
        description="Mask R-CNN: sha256 of `weights`, or its first 8 digits or more"
    )
    batch: Count = Field(description="Mask R-CNN: pictures in one pass; bounds the GPU's memory")


class Estimate(Settings):
    """Initial bodies (rule estimate)."""

    predictions: str = Field(description="folder with one sub-folder of prediction files per method")
    keypoints_iterations: Count = Field(description="keypoints: Gauss-Newton steps")
    keypoints_prior: NonNegative = Field(description="keypoints: weight of the pose prior, m^2/rad^2")


Crop = Literal["reference_code", "spin", "spin_unstretched", "vibe", "meva", "prepared"]
Orientation = Literal["camera", "ray", "aligned"]


class Crops(Settings):
    """Crop rule of each network. Networks with the same rule share features (docs/networks.md)."""

    spin: Crop = Field(description="rule for SPIN")
    vibe: Crop = Field(description="rule for VIBE")
    meva: Crop = Field(description="rule for MEVA")


class RunNetwork(Settings):
    """SPIN, VIBE and MEVA with their authors' weights (rules features, run_network)."""

    spin: str = Field(description="SPIN's checkpoint; its ResNet-50 is the backbone of all three")
    vibe: str = Field(description="VIBE's checkpoint")
    meva: str = Field(description="MEVA's checkpoint")
    mean_params: str = Field(
        description="smpl_mean_params.npz; empty if the checkpoints contain the mean body"
    )
    crops: Crops
    orientation: Orientation = Field(
        description="global orientation: read in the camera's frame, as the paper does; turned with the "
        "ray through the crop's middle; or turned onto the labels"
    )
    batch: Count = Field(description="images in one pass of the backbone; bounds the memory")


class FitRegressor(Settings):
    """Refit of one joint regressor, paper II-B."""

    translation: Literal["absolute", "eliminated"] = Field(
        description="absolute: trust the bodies' translation; eliminated: fit one per frame"
    )
    sum_weight: Annotated[float, Field(ge=0.01)] = Field(
        description="pull of each row towards sum 1, m^2 (Eq. 1)"
    )
    lateral_error_m: Positive = Field(
        description="eliminated: standard deviation of the bodies' position across the view, metres"
    )
    depth_error_m: Positive = Field(
        description="eliminated: standard deviation of the bodies' position along the view, metres"
    )
    candidates_m: NonNegative = Field(
        description="a joint uses only vertices within this distance of it in the T-pose, metres; 0: all"
    )
    max_vertices: CountOrZero = Field(
        description="largest number of vertices with a weight, for each joint; 0: no limit"
    )
    symmetric: bool = Field(
        description="weights of the left side mirror those of the right (the body file's `mirror`)"
    )
    support: str = Field(
        description="regressor file: a joint uses only vertices with a weight in it; empty: all"
    )
    robust: Literal["none", "huber", "geman_mcclure"] = Field(
        description="frames with a larger residual weigh less; every pass reads the bodies once more"
    )
    robust_scale_m: Positive = Field(
        description="robust: residual (root mean square over joints) above which frames weigh less, "
        "metres"
    )
    robust_passes: Count = Field(description="robust, drop_above_m: passes after the first")
    drop_above_m: NonNegative = Field(
        description="leave out frames with a larger residual (root mean square over joints), metres; "
        "0: keep all"
    )

    @model_validator(mode="after")
    def _agree(self) -> "FitRegressor":
        if self.symmetric and self.max_vertices == 1:
            raise ValueError("symmetric needs max_vertices of 2 or more: a middle joint has both sides")
        if self.robust != "none" and 0 < self.drop_above_m <= self.robust_scale_m:
            raise ValueError(
                f"drop_above_m {self.drop_above_m:g} leaves out every frame that robust_scale_m "
                f"{self.robust_scale_m:g} would weigh down: use one, or a larger drop_above_m"
            )
        return self


if TYPE_CHECKING:  # mypy knows no classes that are made at run time
    FitRegressorChanges = Settings
else:
    FitRegressorChanges = changes(FitRegressor)


class FitRegressors(FitRegressor):
    """Refit of the joint regressor (rules fit_regressor_spin, fit_regressor_opt), paper II-B."""

    spin: FitRegressorChanges = Field(description="keys of `fit_regressor` that differ for J_spin")
    opt: FitRegressorChanges = Field(description="keys of `fit_regressor` that differ for J_opt")
    variants: dict[Name, FitRegressorChanges] = Field(
        description="for a variant the keys of `fit_regressor` that differ for its J_opt, beside `opt`"
    )

    def of(self, regressor: Literal["spin", "opt"], variant: str = "") -> FitRegressor:
        """Settings of one regressor: the block with its changes, then those of the variant."""
        settings = self.model_dump(exclude={"spin", "opt", "variants"})
        settings |= changes_of(getattr(self, regressor))
        if variant in self.variants:
            settings |= changes_of(self.variants[variant])
        return FitRegressor.model_validate(settings)


class FitLearningCurve(Settings):
    """Fits to fewer frames (rule fit_learning_curve; target learning_curve)."""

    fractions: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        description="shares of each subject's frames, increasing, the last 1"
    )

    @model_validator(mode="after")
    def _whole(self) -> "FitLearningCurve":
        if self.fractions != sorted(set(self.fractions)) or self.fractions[-1:] != [1]:
            raise ValueError(f"fractions are {self.fractions}, expected them to increase up to 1")
        return self


class TrainDiscriminator(Settings):
    """Discriminator and energy weights on a sample (rule train_discriminator), paper III, Eq. 5."""

    frames: Count = Field(description="size of the seeded sample of training frames")
    max_rounds: Count = Field(description="most alternations of refining the sample and training D")
    tolerance: NonNegative = Field(
        description="rounds end when the loss of D (0.5: undecided), mean of three rounds, has "
        "changed by less than this since the three rounds before"
    )
    steps: Count = Field(description="Adam steps of D in one round")
    learning_rate: LearningRate = Field(description="Adam, paper III")


class Optimize(Settings):
    """Refinement of the bodies (rule optimize), paper III, Eq. 2-6."""

    solver: Literal["adam", "lm"] = Field(
        description="adam: paper III; lm: Levenberg-Marquardt, on the CPU, 10 `iterations` of which do "
        "what 100 of Adam do, 15 where frames share betas"
    )
    start: Literal["bodies", "joints", "refined"] = Field(
        description="bodies: the initial method's, moved to the labels; joints: these, fitted to the "
        "labels alone; refined: the bodies and label offsets that `regressor` comes from"
    )
    iterations: Count = Field(description="steps of the solver; of Adam in paper III")
    learning_rate: LearningRate = Field(description="Adam, paper III")
    decay: Literal["none", "cosine"] = Field(description="of the learning rate; cosine: down to 0")
    batch: Count = Field(description="frames refined together; bounds the memory")
    store_every: Count = Field(description="store the energies every n-th iteration")
    joint: NonNegative = Field(description="factor on w_joint; 0 removes the term")
    silhouette: NonNegative = Field(description="factor on w_sil; 0 removes the term")
    adversarial: NonNegative = Field(description="factor on w_adv; 0 removes the term")
    keypoints: NonNegative = Field(description="factor on the 2D joint term; 0 removes the term")
    weights: Literal["balanced", "reference_code"] = Field(
        description="balanced: energies equal at the start; or the reference code's constants"
    )
    regressor: str = Field(
        description="regressor of the joints in E_joint: spin, std, or `opt_<variant>` of another "
        "variant"
    )
    joint_frame: Literal["absolute", "root_relative"] = Field(
        description="absolute: Eq. 3; root_relative: both skeletons moved to the pelvis"
    )
    camera: Literal["calibrated", "weak_perspective"] = Field(
        description="weak_perspective: focal length 5000, crop centre, as the networks"
    )
    camera_iterations: CountOrZero = Field(
        description="Adam steps on the translation alone, with the 2D joint term, before the others"
    )
    backend: Literal["numba", "warp", "pytorch3d", "one_face"] = Field(
        description="silhouettes: exact (numba on CPU; warp on CPU and CUDA), or the paper's rasteriser"
    )
    blur_px: list[Positive] = Field(
        description="coarse to fine: Gaussian blurs of the silhouette's residual, px, each for an equal "
        "share of the iterations, then none; empty for none"
    )
    mask_dilation_px: CountOrZero = Field(
        description="radius of the disk that dilates the masks, px; 0 for none"
    )
    multiview: bool = Field(
        description="all cameras of a moment share one body, all moments of a sequence its betas"
    )
    share_betas: Literal["none", "subject"] = Field(
        description="subject: everything that a subject does has the same betas"
    )
    label_offsets: Literal["none", "subject"] = Field(
        description="subject: the labels of a subject may lie beside the joints of `regressor`, by a "
        "constant for each joint in the frame of its limb"
    )
    shell: Literal["none", "subject"] = Field(
        description="subject: a subject wears clothes of unknown thickness, one for each part of the "
        "body; silhouettes show the clothes"
    )
    shape_prior: NonNegative = Field(
        description="factor on the sum of squared betas, beside the weighted energies; 0 for none"
    )
    uncovered: Fraction = Field(
        description="weight of mask pixels that the body leaves uncovered; below 1 masks may be larger "
        "than bodies"
    )
    robust_px: NonNegative = Field(
        description="pixels count half at this distance from the mask's edge, less beyond; 0: all alike"
    )

    @property
    def by_subject(self) -> bool:
        """Whether all sequences of a subject are refined together."""
        return "subject" in (self.share_betas, self.label_offsets)


if TYPE_CHECKING:
    OptimizeChanges = Settings
else:
    OptimizeChanges = changes(Optimize)


class Evaluate(Settings):
    """The protocol (rule evaluate), stored with every error and printed in every caption."""

    joints: Annotated[Literal[14, 17, "all"], BeforeValidator(number)] = Field(
        description="joints in the mean; 17 counts the pelvis; all: those of `dataset.joints`"
    )
    root: str = Field(description="joint at which both skeletons are aligned before MPJPE, or mid_hip")
    average: Literal["frames", "actions"] = Field(description="mean over frames, or of action means")


class Figures(Settings):
    """Pictures (rule figures)."""

    examples: str = Field(
        description="table of the frames to show: subject, action, rows of the sequence"
    )
    variant: Name = Field(
        description="variant whose bodies the overlays, figures 1 and 3 and the report's body show"
    )
    dpi: Annotated[int, Field(gt=0, le=2400)] = Field(description="resolution of PNG files")


class Config(Settings):
    """The whole configuration."""

    run: Name = Field(description="name of the run: outputs go to `results/<run>`, logs to `logs/<run>`")
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] = Field(description="seed of everything random")
    device: Literal["cpu", "cuda"] = Field(
        description="where Mask R-CNN, networks and refinement run; cuda needs optimize.backend warp or "
        "pytorch3d"
    )
    body: str = Field(description='"open", or an SMPL-format npz or pickle')
    dataset: Dataset
    raw_files: RawFiles
    sequences: str = Field(description="table of the work: one row a subject and action")
    short_sequences: bool = Field(
        description="read the predictions of a method for all training or test sequences in one job, "
        "and refine all training sequences of a variant in one: for sequences so short that a job takes "
        "about as long to start as to work"
    )
    methods_table: str = Field(description="table that describes every known method")
    own_methods: str = Field(
        description="table of methods of your own with the same columns, added to `methods_table`; "
        "empty for none"
    )
    methods: Names = Field(description="methods to evaluate")
    initial: str = Field(description="the method whose bodies are refined")
    regressor_std: str = Field(
        description="J_std, the regressor that the field uses: npy (17, V); empty for none, as it must "
        "be for other `dataset.joints`"
    )
    variants: Names = Field(description="rows of `variant_settings` to run; `full` is Table I's opt")
    variant_settings: dict[Name, OptimizeChanges] = Field(
        description="for each variant the keys of `optimize` that it changes"
    )
    synthesize: Synthesize
    triangulate: Triangulate
    prepare: Prepare
    background: Background
    segment: Segment
    estimate: Estimate
    run_network: RunNetwork
    fit_regressor: FitRegressors
    fit_learning_curve: FitLearningCurve
    train_discriminator: TrainDiscriminator
    optimize: Optimize
    evaluate: Evaluate
    figures: Figures

    @property
    def methods_tables(self) -> list[str]:
        """Both tables of methods, or the one."""
        return [self.methods_table, *([self.own_methods] if self.own_methods else [])]

    @property
    def fit_regressor_spin(self) -> FitRegressor:
        """Settings of the rule fit_regressor_spin."""
        return self.fit_regressor.of("spin")

    @property
    def fit_regressor_opt(self) -> FitRegressor:
        """Settings of the rule fit_regressor_opt."""
        return self.fit_regressor.of("opt")
