"""A process of its own: train a discriminator on saved frames, refine them with it, save the bodies.

Usage: python tests/helpers/train_and_refine.py FRAMES.npz RESULT.npz
"""

import sys

import numpy as np
from project import ROOT

from jointreg.body import load_body
from jointreg.config import Optimize, TrainDiscriminator, read_yaml
from jointreg.refine import Sample, refine_sample
from jointreg.refine.adversarial import train_discriminator


def main(frames, result):
    arrays = np.load(frames)
    sample = Sample(
        {name: arrays[name] for name in ("rotations", "betas")},
        *(arrays[name] for name in ("joints_cam", "masks", "intrinsics")),
    )
    body, settings = load_body("open"), read_yaml(ROOT / "config" / "config.yaml")
    optimize = Optimize(**settings["optimize"] | {"iterations": 40})
    training = settings["train_discriminator"] | {"frames": len(sample), "max_rounds": 2, "steps": 30}
    trained = train_discriminator(
        body,
        sample,
        arrays["regressor"],
        settings=TrainDiscriminator(**training),
        optimize=optimize,
        generator=np.random.default_rng(3),
    )
    refined = refine_sample(
        body,
        sample,
        arrays["regressor"],
        settings=optimize,
        weights=trained.weights,
        discriminator=trained.discriminator,
    )
    np.savez(result, loss=trained.losses, **refined.bodies())


if __name__ == "__main__":
    main(*sys.argv[1:])
