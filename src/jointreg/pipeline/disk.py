"""An estimate of the disk space that a run fills, for `jointreg doctor`."""

from collections.abc import Mapping, Sequence

from jointreg.config.methods import Method, crop_of
from jointreg.config.sequences import Work
from jointreg.config.settings import Config
from jointreg.pipeline.lengths import MEAN_RECORDING, frames_of

BYTES_A_FRAME = {
    "synthesize": 145_000,
    "prepare": 69_600,
    "features": 8_200,
    "segment": 3_400,
    "estimate": 900,
    "optimize": 1_100,
    "evaluate": 400,
}
"""Measured on the open data set (docs/scale.md), optimize with the energies of 100 iterations."""
BYTES_A_MESH = 83_000
"""A frame of a method that delivers meshes: 6890 vertices, before compression."""
BYTES_OF_THE_REST = 50_000_000
"""Regressors, tables, figures, report and logs."""
BYTES_A_BACKGROUND = 2_100_000
"""Empty room of one camera of one subject."""
BYTES_A_DISCRIMINATOR = 7_500_000


def disk(
    config: Config, work: Sequence[Work], methods: Mapping[str, Method], known: Mapping[str, int]
) -> dict[str, int]:
    """Bytes that each stage of a run writes, largest first.

    Args:
        config: the configuration.
        work: the table of sequences.
        methods: the table of methods.
        known: frames of recordings by take, of `recording_frames`.
    """
    made = config.dataset.source == "synthetic"
    step = config.prepare.frame_step
    train, test = (
        sum(frames_of(row, step, known, MEAN_RECORDING) for row in work if row.split == split)
        for split in ("train", "test")
    )
    used = {config.initial, *config.methods}
    kinds = {methods[name].kind for name in used}
    crops = {crop for kind in kinds if (crop := crop_of(kind, config.run_network))}
    meshes = sum(methods[name].kind == "vertices" for name in config.methods)
    initial_tested = config.initial in config.methods
    others = len(config.methods) - initial_tested
    frames = {
        "synthesize": (train + test) * step if made else 0,
        "prepare": train + test,
        "features": (train + test) * len(crops),
        "segment": train,
        "estimate": train + test * (initial_tested + others),
        "optimize": train * len(config.variants),
        "evaluate": test * len(config.methods),
    }
    sizes = {stage: count * BYTES_A_FRAME[stage] for stage, count in frames.items()}
    sizes["estimate"] += test * meshes * BYTES_A_MESH
    if config.segment.method == "background":
        rooms = {(row.subject, camera) for row in work if row.split == "train" for camera in row.cameras}
        sizes["background"] = len(rooms) * BYTES_A_BACKGROUND
    sizes["train_discriminator"] = len(config.variants) * BYTES_A_DISCRIMINATOR
    sizes["all else"] = BYTES_OF_THE_REST
    return {stage: size for stage, size in sorted(sizes.items(), key=lambda item: -item[1]) if size}
