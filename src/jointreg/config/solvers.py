"""What the solvers of the refinement can do."""

from jointreg.config.settings import Optimize
from jointreg.errors import ConfigError

LM_ONLY = {
    "backend": "numba",
    "camera": "calibrated",
    "weights": "balanced",
    "decay": "none",
    "blur_px": [],
    "camera_iterations": 0,
    "uncovered": 1.0,
    "robust_px": 0.0,
}
"""The only value of these keys of `optimize` that the solver `lm` works with."""


def solver_device(settings: Optimize, device: str) -> str:
    """Where bodies are refined: on the device, but by `lm`, which has no CUDA kernels, on the CPU.

    Args:
        settings: of the refinement.
        device: of the run, "cpu" or "cuda".
    """
    return "cpu" if settings.solver == "lm" else device


def check_solver(settings: Optimize, device: str, where: str = "optimize") -> None:
    """Refuse settings that ask the solver for what it cannot do.

    Args:
        settings: of the refinement.
        device: "cpu" or "cuda".
        where: begins the error: the file, or the variant.

    Raises:
        ConfigError: names the key, its value and the one that would do.
    """
    if settings.start == "joints" and settings.joint == 0:
        raise ConfigError(f"{where}: start is 'joints', but joint is 0", "set start: bodies")
    if settings.start == "refined" and settings.adversarial > 0:
        raise ConfigError(
            f"{where}: start is 'refined', but adversarial is {settings.adversarial:g}: the "
            "discriminator is trained on refinements of the initial bodies",
            "set adversarial: 0.0, or start: bodies",
        )
    if settings.label_offsets != "none":
        for key, needed in (("joint_frame", "absolute"), ("camera", "calibrated")):
            if (value := getattr(settings, key)) != needed:
                raise ConfigError(
                    f"{where}: label_offsets need {key} '{needed}', not '{value}'",
                    f"set {key}: {needed}, or label_offsets: none",
                )
        if settings.joint == 0:
            raise ConfigError(f"{where}: label_offsets, but joint is 0", "set label_offsets: none")
    if settings.shell != "none":
        if settings.share_betas != "subject":
            raise ConfigError(
                f"{where}: shell is 'subject', but share_betas is '{settings.share_betas}'; betas of "
                "each frame leave its thickness open",
                "set share_betas: subject, or shell: none",
            )
        if settings.silhouette == 0:
            raise ConfigError(f"{where}: shell is 'subject', but silhouette is 0", "set shell: none")
    if settings.solver != "lm":
        return
    asked: dict[str, object] = {"device": device, **{key: getattr(settings, key) for key in LM_ONLY}}
    for key, possible in {"device": "cpu", **LM_ONLY}.items():
        if asked[key] != possible:
            raise ConfigError(
                f"{where}: {key} is {asked[key]!r}, but the solver 'lm' works with {possible!r} only",
                f"set {key}: {possible}, or solver: adam",
            )
    shares = settings.multiview or settings.share_betas != "none"
    has_offsets, has_shell = settings.label_offsets != "none", settings.shell != "none"
    apart = "for frames that share no betas"
    refusals = (
        ("shape_prior", settings.shape_prior > 0 and not shares, apart, "share_betas: subject"),
        ("label_offsets", has_offsets and not shares, apart, "share_betas: subject"),
        ("adversarial", has_shell and settings.adversarial > 0, "with a shell", "adversarial: 0.0"),
        ("keypoints", has_offsets and settings.keypoints > 0, "with label_offsets", "keypoints: 0.0"),
    )
    for key, refused, where_not, cure in refusals:
        if refused:
            raise ConfigError(
                f"{where}: {key} is {getattr(settings, key)!r}, which the solver 'lm' does not do "
                f"{where_not}",
                f"set {cure}, or solver: adam",
            )
