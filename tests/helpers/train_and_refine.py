"""A process of its own: train, refine saved frames with and without a discriminator, fit a regressor.

Usage: python tests/helpers/train_and_refine.py FRAMES.npz RESULT.npz
"""

import sys
from dataclasses import replace

import numpy as np
from project import ROOT

from jointreg.body import load_body
from jointreg.body.posing import Layout, Posed
from jointreg.config import FitRegressor, Optimize, TrainDiscriminator, read_yaml
from jointreg.refine import Sample, Views, refine_sample
from jointreg.refine.adversarial import train_discriminator
from jointreg.regressor.fitting import solve_regressor
from jointreg.regressor.normal_equations import Statistics


def main(frames, result):
    arrays = np.load(frames)
    sample = Sample(
        {name: arrays[name] for name in ("rotations", "betas")},
        *(arrays[name] for name in ("joints_cam", "masks", "intrinsics")),
    )
    body, settings = load_body("open"), read_yaml(ROOT / "config" / "config.yaml")
    optimize = Optimize(**settings["optimize"] | {"iterations": 20})
    training = settings["train_discriminator"] | {"frames": len(sample), "max_rounds": 2, "steps": 15}
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
    sample = replace(sample, views=Views.apart(len(sample)))
    dressed = read_yaml(ROOT / "config" / "config.yaml", ROOT / "config" / "open_real.yaml")
    recommended = dressed["variant_settings"]["recommended_start"]
    together = refine_sample(
        body,
        sample,
        arrays["regressor"],
        settings=Optimize(**settings["optimize"] | recommended),
        weights=trained.weights,
    )
    statistics = Statistics(body.n_vertices)
    posed = Posed(Layout(body), refined.rotations, refined.betas, refined.translation)
    statistics.add(posed.vertices.transpose(2, 0, 1), sample.joints_cam)
    shared = {key: settings["fit_regressor"][key] for key in FitRegressor.model_fields}
    fitted = solve_regressor(statistics, FitRegressor(**shared))
    numbers = np.random.default_rng(0).normal(size=(300, 300))
    np.savez(
        result,
        **refined.bodies(),
        **{f"recommended_{name}": value for name, value in together.bodies().items()},
        recommended_offsets=together.offsets,
        recommended_thickness=together.thickness,
        regressor=fitted.weights,
        discriminator=trained.discriminator.parameters["pose_2.weight"].numpy(),
        plain_product=numbers @ numbers,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
