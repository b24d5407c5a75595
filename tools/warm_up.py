"""Compile the numba kernels once, so that no job of the workflow waits for it or does it twice."""

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from jointreg.body import load_body
from jointreg.config import Config, load, optimize_settings, read_yaml
from jointreg.figures.shading import shaded
from jointreg.refine import refine
from jointreg.refine.exact_layers import rounded
from jointreg.refine.losses import EnergyWeights
from jointreg.regressor.nnls import solve_nnls
from jointreg.silhouette.meshes import rendered
from jointreg.stores import CROP
from jointreg.synthetic.parameters import load_parameters
from jointreg.synthetic.rig import write_rig
from jointreg.synthetic.subject import write_subject

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Both parts side by side: one core would compile for a minute while the other waits."""
    begin = time.monotonic()
    with ProcessPoolExecutor(2) as pool:
        for part in [pool.submit(refinement), pool.submit(generator)]:
            part.result()
    print(f"kernels compiled in {time.monotonic() - begin:.0f} s")


def refinement() -> None:
    """One frame through the refinement, and what a discriminator, a fit and a picture add to it."""
    config = settings()
    body = load_body("open")
    bodies = {
        "rotations": np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1)),
        "betas": np.zeros((1, body.n_betas), np.float32),
        "translation": np.array([[0.0, 0.0, 4.0]], np.float32),
    }
    intrinsics = np.array([[[250.0, 0, 111.5], [0, 250.0, 111.5], [0, 0, 1]]])
    coverage = rendered(body, bodies, intrinsics)
    regressor = body.joint_regressor[:17].astype(np.float64)
    joints = np.matmul(regressor, body.vertices(**bodies))
    refine(
        body,
        bodies,
        joints,
        np.full((1, CROP, CROP), 255, np.uint8) * (coverage > 0.5).astype(np.uint8),
        intrinsics,
        regressor,
        settings=optimize_settings(config, "no_discriminator").model_copy(update={"iterations": 1}),
        weights=EnergyWeights(1.0, 1.0, 1.0, 1.0),
    )
    every_other = torch.ones(2, 4, dtype=torch.float64)[:, ::2]
    for values in (every_other.contiguous(), every_other):
        rounded(values, -1, terms=2)
    shaded(body.vertices(**bodies), body.faces, intrinsics)
    solve_nnls([(np.eye(1), np.eye(2))], np.ones((1, 2)), 1.0)


def generator() -> None:
    """One frame through the generator of the open data set."""
    config = settings()
    parameters = load_parameters(ROOT / config.synthesize.parameters)
    cameras = config.synthesize.cameras
    with tempfile.TemporaryDirectory() as folder:
        raw, truth = Path(folder, "raw"), Path(folder, "truth")
        write_rig(raw, truth, parameters, ["S1"], ["Walking"], ["1"], cameras, seed=0)
        write_subject("S1", raw, truth, parameters, {"Walking": ["1"]}, cameras[:1], 1, 5.0, seed=0)


def settings() -> Config:
    """Of the demo."""
    return load(read_yaml(ROOT / "config/config.yaml", ROOT / "config/open.yaml"))


if __name__ == "__main__":
    main()
