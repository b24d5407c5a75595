"""The own-data tutorial to the letter, timed, with its error: `python benchmarks/own_run.py FOLDER`.

Clones the checkout into FOLDER, puts films of virtual people there as a laboratory has them (videos,
joints in metres, one calibration), then runs the blocks of docs/tutorial_own_regressor.md and its
commands. Printed: minutes, and the error of every regressor on the true bodies of the person left out,
mm, mean over 17 joints. The run cannot see the truth. `--films-only` ends before the commands,
`--errors-only` prints the errors of a run in a FOLDER that exists. `--cameras 1`,
`--actions Directions` (a person who stays in place) and `--world clothes=loose people=free` film
something else; `--settings FILE` adds a configuration.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from scene import ROOT

from jointreg.body import load_body
from jointreg.config.data import Kinds
from jointreg.datasets.human36m.files import read_pose
from jointreg.datasets.video import read_frames
from jointreg.regressor import load_regressor
from jointreg.skeleton import H36M_17_IN_32
from jointreg.synthetic.layout import recording_name, writing_video
from jointreg.synthetic.parameters import SIMPLEST, load_parameters
from jointreg.synthetic.rig import cameras_of, write_rig
from jointreg.synthetic.subject import write_subject

sys.path.insert(0, str(ROOT / "tests/helpers"))
from blocks import read

PAGE = "docs/tutorial_own_regressor.md"
PEOPLE = ("S1", "S6", "S9")
"""Subjects of config/generator.yaml; the last is left out of the fit."""
CAMERAS = ("54138969", "58860488", "60457274")
SECONDS_BETWEEN = 0.2
"""From picture to picture."""


def film(folder: Path, options: argparse.Namespace) -> tuple[dict, dict]:
    """Write films of all people to FOLDER/data/mine, and their true bodies to FOLDER/truth.

    Returns:
        Joints (N, 17, 3) by recording and (K, R, t) by camera, metres.
    """
    rate, names = 1 / SECONDS_BETWEEN, CAMERAS[: options.cameras]
    values = yaml.safe_load((ROOT / "config/generator.yaml").read_text(encoding="utf-8"))
    values["planted_seed"] = options.seed
    values["rig"]["position_jitter_m"] = values["rig"]["aim_jitter_rad"] = 0.0  # one calibration for all
    for camera in values["rig"]["cameras"].values():
        camera["distortion"] = [0.0] * 5
    own, truth = folder / "laboratory", folder / "truth"
    own.mkdir()
    (own / "generator.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    parameters = load_parameters(own / "generator.yaml")
    kinds = Kinds(**SIMPLEST.model_dump() | dict(item.split("=", 1) for item in options.world))
    write_rig(own, truth, parameters, PEOPLE, options.actions, ["1"], CAMERAS, options.seed, kinds)
    recordings = {}
    for number, who in enumerate(PEOPLE, start=1):
        takes = {action: ["1"] for action in options.actions}
        write_subject(
            who, own, truth, parameters, takes, names, options.frames, rate, options.seed, kinds
        )
        parts = [recording_name(who, action, "1") for action in options.actions]
        files = [own / who / "MyPoseFeatures/D3_Positions" / f"{part}.cdf" for part in parts]
        joints_mm = np.concatenate([read_pose(file, 3) for file in files])
        recordings[f"p{number}"] = joints_mm[:, H36M_17_IN_32] / 1000
        for camera, name in enumerate(names, start=1):
            path = folder / f"data/mine/p{number}/cam{camera}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            with writing_video(path, (1000, 1000), rate, parameters.video) as append:
                for part in parts:
                    video = own / who / "Videos" / f"{part}.{name}.mp4"
                    for _, picture in read_frames(video, range(options.frames)):
                        append(picture[:1000, :1000])  # some cameras have two rows more
    rig = {camera.name: camera for camera in cameras_of(PEOPLE[0], parameters)}
    cameras = {
        f"cam{number}": (rig[name].intrinsics, rig[name].rotation, rig[name].translation)
        for number, name in enumerate(names, start=1)
    }
    return recordings, cameras


def write_files(folder: Path, recordings: dict, cameras: dict) -> None:
    """Do what the page says before its commands: write its files, run its block of Python."""
    page = [block for block in read(ROOT) if block.page == PAGE]
    listed = ",".join(cameras)
    for block in page:
        if block.file and not (ROOT / block.file).exists():
            text = block.text.replace("cam1,cam2,cam3", listed)
            (folder / block.file).write_text(text, encoding="utf-8")
    (first,) = [
        block for block in page if block.language == "python" and "recordings.items()" in block.text
    ]
    exec(compile(first.text, PAGE, "exec"), {"recordings": recordings, "cameras": cameras})


def run_workflow(options: argparse.Namespace) -> None:
    """Run the page's two commands."""
    configs = ["config/own_data.yaml", "config/mine.yaml", *options.settings]
    subprocess.run(["jointreg", "doctor", "--config", *configs], check=True)
    run = ["snakemake", "--quiet", "--cores", str(options.cores), "--configfile", *configs]
    start = time.perf_counter()
    subprocess.run(run, check=True)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    minutes = (time.perf_counter() - start) / 60
    print(f"run: {minutes:.1f} minutes, {(usage.ru_utime + usage.ru_stime) / 60:.1f} of CPU")


def errors_mm(
    folder: Path, truth: Path, actions: Sequence[str], run: str = "mine"
) -> dict[str, tuple[float, float]]:
    """Error of each regressor on the true bodies of the person left out: absolute, root-aligned."""
    body = load_body("open")
    vertices = []
    for action in actions:
        with np.load(truth / "bodies" / PEOPLE[-1] / f"{action}.npz") as bodies:
            values = {name: bodies[name] for name in ("rotations", "betas", "translation")}
            vertices.append(body.vertices(**values))
    meshes = np.concatenate(vertices).astype(np.float64)
    true, listed = np.load(truth / "J_true.npy") @ meshes, {}
    results = folder / "results" / run
    for path in [
        results / "fit_regressor_spin/J_spin.npy",
        *results.glob("fit_regressor_opt/J_opt_*.npy"),
    ]:
        away = load_regressor(path, body).weights @ meshes - true
        both = (away, away - away[:, :1])
        listed[path.stem] = tuple(1e3 * float(np.linalg.norm(one, axis=2).mean()) for one in both)
    return listed


def main() -> None:
    """Film, follow the page, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that does not exist")
    parser.add_argument(
        "--films-only", action="store_true", help="make the films and files, run nothing"
    )
    parser.add_argument(
        "--errors-only", action="store_true", help="print the errors of a run that ended"
    )
    parser.add_argument("--cameras", type=int, default=3, choices=(1, 2, 3))
    parser.add_argument("--actions", nargs="+", default=["Directions", "Sitting", "Walking"])
    parser.add_argument("--frames", type=int, default=8, help="of each action")
    parser.add_argument("--world", nargs="*", default=["clothes=tight"], metavar="KEY=VALUE")
    parser.add_argument("--settings", nargs="*", default=[], metavar="FILE")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    folder = options.folder.resolve()
    options.settings = [str(Path(file).resolve()) for file in options.settings]
    truth = folder / "truth"
    if not options.errors_only:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        recordings, cameras = film(folder, options)
    os.chdir(folder)
    if not options.errors_only:
        write_files(folder, recordings, cameras)
    if options.films_only:
        return
    os.environ["PYTHONPATH"] = str(folder / "src")
    if not options.errors_only:
        run_workflow(options)
    for name, (absolute, aligned) in errors_mm(folder, truth, options.actions).items():
        print(f"{name}: {absolute:.1f} mm, root-aligned {aligned:.1f}")


if __name__ == "__main__":
    main()
