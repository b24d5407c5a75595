"""`jointreg fit` on a mesh as large as MHR's, one thread: `python benchmarks/large_meshes.py`.

The open body with faces split in three, to 18,439 vertices, is posed and written to a file, which is
read as often as the frames ask for. Labels have 10 mm of noise, one in ten is missing. Time and memory
are those of the fit, reading included, beside the sums of a fit of all 6,890 vertices of the open body.
`--frames 100000` takes ten minutes; the temporary file has 0.23 GB.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from meshes import finer, of_body
from regressor import NOISE_M, planted_regressor, reset_peak, resident_mb

from jointreg.body import load_body
from jointreg.regressor import Statistics
from jointreg.regressor.label_files import Labels
from jointreg.regressor.labelled_meshes import CHUNK, LabelledMeshes
from jointreg.regressor.own_candidates import fit_own_candidates

VERTICES, BLOCK = 18_439, 1024
SMALL = 6890
"""Vertices of the mesh beside it."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=8192, help=f"at least {2 * BLOCK}")
    options = parser.parse_args()
    mesh = of_body("open body, MHR's size", finer(load_body("open"), VERTICES))
    generator = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "meshes.npy"
        posed = np.concatenate([mesh.pose(generator, 64) for _ in range(BLOCK // 64)])
        np.save(file, posed)
        planted = planted_regressor(mesh.template, generator)
        used = np.flatnonzero(planted.any(axis=0))
        joints = planted[:, used] @ posed[:, used].astype(np.float64)
        small = posed[:CHUNK, :SMALL].copy()
        del posed
        times, peaks = [], []
        for frames in (BLOCK, options.frames // BLOCK * BLOCK):
            labels = np.tile(joints, (frames // BLOCK, 1, 1))
            labels += generator.normal(0, NOISE_M / np.sqrt(3), labels.shape)
            labels[generator.random(labels.shape[:2]) < 0.1] = np.nan
            reset_peak()
            start = time.process_time()
            read = LabelledMeshes([file] * (frames // BLOCK), Labels(labels, None), lambda _: None)
            fitted = fit_own_candidates(read, tuple(map(str, range(len(planted)))))
            times.append(time.process_time() - start)
            peaks.append(resident_mb("VmHWM"))
            beside = dense_ms(small, joints[:CHUNK])
        unseen = mesh.pose(np.random.default_rng(2), 64)
    a_frame = 1e3 * (times[1] - times[0]) / (frames - BLOCK)
    away = 1e3 * np.linalg.norm((fitted.weights - planted) @ unseen, axis=2).mean()
    print(f"{VERTICES} vertices, {len(planted)} joints, {frames} frames, one thread; CPU time")
    print(f"  a frame, both passes and reading   {a_frame:6.2f} ms")
    print(f"  a frame, sums of {SMALL} vertices    {beside:6.2f} ms")
    print(f"  rest of the fit                    {times[0] - 1e-3 * a_frame * BLOCK:6.2f} s")
    print(f"  peak memory of the process         {peaks[1]:6.0f} MB")
    print(f"  error on unseen bodies             {away:6.2f} mm")


def dense_ms(meshes: np.ndarray, joints: np.ndarray) -> float:
    """CPU time a frame of the sums of a fit in which every joint may use every vertex."""
    stats = Statistics(meshes.shape[1])
    times = []
    for _ in range(5):
        start = time.process_time()
        stats.add(meshes, joints)
        times.append(time.process_time() - start)
    return 1e3 * float(np.median(times)) / len(meshes)


if __name__ == "__main__":
    main()
