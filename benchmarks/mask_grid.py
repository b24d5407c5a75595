"""What Mask R-CNN's coarse grids cost the refinement at best: perfect grids on the open data set.

`python benchmarks/mask_grid.py --run open` after `energy_weights` of that run. Every training frame's
true mask becomes 28 x 28 cells over its tight box, as a perfect network would say, and is read again as
a detection is. The initial bodies are refined without discriminator with the true masks, with these,
with these cut at one half, and with the run's own. Printed, as means over frames: overlap and signed
boundary bias of the masks; distance of vertices after refinement, and in T-pose.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from jointreg import metrics, stores
from jointreg.body import Body, load_body
from jointreg.config import load, optimize_settings, read_yaml
from jointreg.config.sequences import load_sequences
from jointreg.datasets.human36m.metadata import read_metadata
from jointreg.diagnosis.cases import true_masks
from jointreg.diagnosis.true_bodies import model_bodies
from jointreg.geometry.camera import Camera
from jointreg.refine import refine_sample
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.sample import load_sample
from jointreg.regressor import load_regressor
from jointreg.segmentation.detections import People, in_crop
from jointreg.segmentation.quality import mask_quality
from jointreg.stores import CROP
from jointreg.synthetic.layout import subject_number

ROOT = Path(__file__).resolve().parent.parent
CELLS, FINE = 28, 8
CROP_ITSELF = Camera("crop", np.eye(3), np.zeros(3), np.eye(3), np.zeros(5), (CROP, CROP))


def through_a_grid(mask: np.ndarray) -> np.ndarray:
    """A crop's mask (H, W) uint8, as cell means over its tight box and read again, uint8."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.array([columns[0] - 0.5, rows[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5])
    steps = (np.arange(CELLS * FINE) + 0.5) / (CELLS * FINE)
    x, y = (box[k] + steps * (box[k + 2] - box[k]) for k in (0, 1))
    fine = map_coordinates(mask / np.float32(255), np.meshgrid(y, x, indexing="ij"), order=1)
    grid = fine.reshape(CELLS, FINE, CELLS, FINE).mean(axis=(1, 3))
    found = in_crop(People(box[None], np.ones(1), grid[None]), CROP_ITSELF, np.eye(3))
    return np.round(found[0] * 255).astype(np.uint8)


def distances(
    body: Body, found: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """Mean distance of the vertices from the true ones, as posed and in T-pose, mm, (N,) each."""
    posed, rest = [], []
    for bodies in (found, truth):
        posed.append(body.vertices(bodies["rotations"], bodies["betas"], bodies["translation"]))
        rest.append(body.template + np.einsum("nb,vcb->nvc", bodies["betas"], body.shape_directions))
    return [1e3 * metrics.vertex_error(*posed), 1e3 * metrics.vertex_error(*rest, centred=True)]


def main() -> None:
    """Refine with each kind of mask and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="open")
    run = parser.parse_args().run
    config = load(read_yaml(*(ROOT / "config" / name for name in ("config.yaml", f"{run}.yaml"))))
    settings = optimize_settings(config, "no_discriminator")
    results, truth_folder = ROOT / "results" / run, ROOT / "data" / run / "truth"
    body = load_body(config.body)
    regressor = load_regressor(results / "fit_regressor_spin/J_spin.npy", body).weights
    weights = EnergyWeights.read(results / "energy_weights/weights.json")
    known = read_metadata(ROOT / config.dataset.calibration).cameras
    rows: dict[str, list[np.ndarray]] = {}
    for sequence in load_sequences(ROOT / config.sequences):
        if sequence.split != "train":
            continue
        subject, action = sequence.subject, sequence.action
        paths = [
            results / stage / subject / f"{action}.zarr.zip"
            for stage in ("prepare", "segment", f"estimate/{config.initial}")
        ]
        frames = stores.FRAMES.read(paths[0])
        number = subject_number(subject)
        cameras = {camera.name: camera for (who, _), camera in known.items() if who == number}
        truth = model_bodies(truth_folder, subject, action, frames)
        true = true_masks(truth_folder, subject, action, frames, cameras)
        sample = load_sample(*paths)
        grids = np.stack([through_a_grid(mask) for mask in true])
        for name, masks in {
            "true masks": true,
            "grids": grids,
            "grids cut at one half": np.where(grids > 127, np.uint8(255), np.uint8(0)),
            config.segment.method: sample.masks,
        }.items():
            other = replace(sample, masks=masks)
            refined = refine_sample(body, other, regressor, settings=settings, weights=weights)
            quality = np.array([mask_quality(*pair) for pair in zip(masks, true, strict=True)])
            rows.setdefault(name, []).append(
                np.column_stack([quality, *distances(body, refined.bodies(), truth)])
            )
        print(f"{subject} {action}: {len(true)} frames", flush=True)
    print("| masks | overlap | boundary bias, px | vertices, mm | T-pose, mm |")
    for name, parts in rows.items():
        overlap, bias, vertices, pose = np.concatenate(parts).mean(axis=0)
        print(f"| {name} | {overlap:.3f} | {bias:+.3f} | {vertices:.1f} | {pose:.1f} |")


if __name__ == "__main__":
    main()
