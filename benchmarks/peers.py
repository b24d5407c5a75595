"""Ours beside other libraries, one core, CPU time: `python benchmarks/peers.py`.

DEODR draws silhouettes, scipy solves the fit of a regressor, decord and plain FFmpeg decode a film,
smplfitter and smplx pose bodies. Each gets an environment of its own in build/peers, made at the first
call by pip; smplx and PyAV (FFmpeg) are in ours. Printed are medians, the ratio to ours, and how far the
results are apart. scipy is measured in 1.11.4, which Python 3.11 users still have, and 1.17.1:
`nnls` of 1.12 to 1.15 is slower than both or fails. `--film FOLDER` names a film of
`benchmarks/decoding.py --folder`, else one is made (a minute).
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import av
import numpy as np
import torch
from decoding import film
from regressor import BATCH, NOISE_M, planted_regressor, random_bodies
from scene import ROOT, Scene, smplx_posing
from timing import median_ms

from jointreg.body import Body, load_body
from jointreg.body.skinning import Skinner
from jointreg.config import FitRegressor, load, read_yaml
from jointreg.datasets.video import read_frames
from jointreg.regressor import Statistics, fit_regressor
from jointreg.silhouette import silhouette_l2

ENVIRONMENTS = ROOT / "build" / "peers"
FRAMES = 64
"""Silhouettes drawn and bodies posed side by side."""
SECTIONS = ("silhouettes", "fits", "posing", "decoders")
STEP = 5
"""Every so many frames of a film are wanted."""


def call(name: str, requirements: tuple[str, ...], folder: Path) -> dict[str, float]:
    """What `peers_alone.py NAME FOLDER` prints in the environment of a peer."""
    python, ready = ENVIRONMENTS / name / "bin" / "python", ENVIRONMENTS / name / "ready"
    if not ready.exists():  # one whose installation broke off is made anew
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENTS / name], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
        ready.touch()
    script = Path(__file__).with_name("peers_alone.py")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [python, script, name.split("_")[0], folder], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def show(name: str, cost: float, unit: str, ours: float | None = None, note: str = "") -> None:
    """One row of the table; a peer with its ratio to ours."""
    ratio = "" if ours is None else f"{cost / ours:.2f}"
    print(f"| {name} | {cost:.3f} {unit} | {ratio} | {note} |", flush=True)


def silhouettes(folder: Path) -> None:
    """Loss and gradient of the silhouette energy."""
    scene = Scene(FRAMES)
    points = scene.points.detach().requires_grad_(True)

    def both() -> torch.Tensor:
        points.grad = None
        loss = silhouette_l2(points, scene.topology, scene.shifted)
        loss.sum().backward()
        return loss.detach()

    ours = median_ms(both, 9) / FRAMES
    np.savez(
        folder / "deodr.npz",
        points=scene.points.numpy().astype(np.float64),
        depth=scene.depth.numpy().astype(np.float64),
        faces=scene.topology.faces,
        edges=scene.topology.edges,
        masks=scene.shifted,
        loss=both().numpy(),
    )
    theirs = call("deodr", ("deodr==0.2.3", "trimesh", "typing_extensions"), folder)
    show(f"silhouette and gradient, {FRAMES} frames: ours", ours, "ms a frame")
    note = (
        f"{theirs['flags']:.1f} ms of it flag the contour; losses {theirs['apart']:.0%} apart; its "
        f"gradient is finite differences' to {theirs['gradient']:.0e} of the largest"
    )
    show("DEODR 0.2.3, one frame a call", theirs["ms"], "ms a frame", ours, note)


def fits(folder: Path, body: Body) -> None:
    """17 joints of a regressor from bodies that are posed already."""
    generator = np.random.default_rng(3)
    bodies = random_bodies(generator, BATCH)
    vertices = body.vertices(bodies.rotations, bodies.betas, bodies.translation)
    joints = planted_regressor(body.template, np.random.default_rng(1)) @ vertices
    joints += generator.normal(0, NOISE_M / np.sqrt(3), joints.shape)
    settings: FitRegressor = load(read_yaml(ROOT / "config/config.yaml")).fit_regressor.of("spin")
    settings = settings.model_copy(update={"translation": "absolute"})
    labels = joints.astype(np.float32)

    def fit() -> np.ndarray:
        sums = Statistics(body.n_vertices)
        sums.add(vertices, labels)
        return fit_regressor(sums, settings).weights

    ours = median_ms(fit, 3)
    centre = vertices.mean(axis=1, keepdims=True, dtype=np.float64)
    matrix = (vertices - centre).transpose(0, 2, 1).reshape(3 * BATCH, -1)
    whole = np.sqrt(settings.sum_weight * BATCH)
    targets = (labels - centre).transpose(1, 0, 2).reshape(len(labels[0]), -1)
    np.savez(
        folder / "scipy.npz",
        matrix=np.concatenate([matrix, np.full((1, matrix.shape[1]), whole)]),
        targets=np.concatenate([targets, np.full((len(targets), 1), whole)], axis=1),
        weights=fit(),
    )
    show(f"17 joints, {BATCH} frames: ours, sums and solution", ours, "ms")
    for release, extra in (("1.11.4", ("numpy<2",)), ("1.17.1", ())):
        theirs = call(f"scipy_{release}", (f"scipy=={release}", *extra), folder)
        note = f"sum of squares {theirs['apart']:+.0e} of ours"
        show(f"scipy {release} nnls, joint after joint", theirs["ms"], "ms", ours, note)


def decoders(folder: Path, video: Path) -> None:
    """Every fifth frame of a film as RGB."""
    with av.open(str(video)) as container:
        count = sum(1 for _ in container.decode(video=0))
    wanted = list(range(0, count, STEP))

    def ours() -> list[np.ndarray]:
        return [picture for _, picture in read_frames(video, wanted)]

    def plain() -> list[np.ndarray]:
        with av.open(str(video)) as container:
            pictures = enumerate(container.decode(video=0))
            return [frame.to_ndarray(format="rgb24") for n, frame in pictures if n % STEP == 0]

    cost = median_ms(ours, 5) / len(wanted)
    show(f"decode every {STEP}th of {count} frames: ours", cost, "ms a wanted frame")
    equal = all(np.array_equal(a, b) for a, b in zip(ours(), plain(), strict=True))
    theirs = median_ms(plain, 5) / len(wanted)
    note = "same bits" if equal else "other bits"
    show(f"plain FFmpeg by PyAV {version('av')}, all decoded", theirs, "ms a wanted frame", cost, note)
    np.savez(folder / "decord.npz", video=str(video), wanted=wanted, pictures=ours()[:8])
    decord = call("decord", ("decord==0.6.0", "numpy"), folder)
    note = f"pictures {decord['apart']:.1f} of 255 from ours at most"
    show("decord 0.6.0, get_batch", decord["ms"], "ms a wanted frame", cost, note)


def posing(folder: Path, body: Body) -> None:
    """Vertices of bodies, forward only."""
    bodies = random_bodies(np.random.default_rng(0), FRAMES)
    arrays = bodies.rotations, bodies.betas, bodies.translation
    tensors = [torch.from_numpy(value).double() for value in arrays]
    skin = Skinner(body).vertices
    ways: dict[str, Callable[[], object]] = {
        "ours, NumPy": lambda: body.vertices(*arrays),
        "ours, torch with gradient, forward": lambda: skin(*tensors),
    }
    try:
        smplx = smplx_posing(body)
        ways[f"smplx {version('smplx')}, float64"] = lambda: smplx(*tensors)
    except ImportError:
        print("| smplx | not installed | | |")
    with torch.no_grad():
        costs = {name: median_ms(way, 9) / FRAMES for name, way in ways.items()}
    ours = costs["ours, torch with gradient, forward"]
    for name, cost in costs.items():
        show(f"pose {FRAMES} bodies: {name}", cost, "ms a body", ours)
    model = {
        "v_template": body.template,
        "shapedirs": body.shape_directions,
        "posedirs": body.pose_directions.transpose(1, 2, 0),
        "J_regressor": body.joint_regressor,
        "weights": body.skinning_weights,
        "f": body.faces,
        "kintree_table": np.stack([body.parents, np.arange(len(body.parents))]),
    }
    (folder / "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl").write_bytes(pickle.dumps(model))
    np.save(folder / "kid_template.npy", np.zeros_like(body.template))
    names = ("rotations", "betas", "translation", "vertices")
    arrays_and_ours = (*arrays, body.vertices(*arrays))
    np.savez(folder / "smplfitter.npz", **dict(zip(names, arrays_and_ours, strict=True)))
    theirs = call("smplfitter", ("smplfitter==0.6.0", "numba"), folder)
    for kind in ("np", "nb"):
        note = f"vertices {1e3 * theirs[f'{kind}_apart']:.0e} mm from ours at most"
        show(f"smplfitter 0.6.0, its {kind}.BodyModel", theirs[kind], "ms a body", ours, note)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--film", type=Path, help="folder of an earlier film")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    body = load_body("open")
    print("| | CPU | times ours | beside ours |\n| --- | ---: | ---: | --- |")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if "silhouettes" in arguments.sections:
            silhouettes(folder)
        if "fits" in arguments.sections:
            fits(folder, body)
        if "posing" in arguments.sections:
            posing(folder, body)
        if "decoders" not in arguments.sections:
            return
        source = arguments.film or folder / "film"
        if not source.exists():
            film(source, 200)
        decoders(folder, min(source.rglob("*.mp4")))


if __name__ == "__main__":
    main()
