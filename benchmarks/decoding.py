"""CPU of `prepare`, `background` and `segment` for the same frames, and a digest of what they give.

`python benchmarks/decoding.py` films one walk at 50 frames a second and uses every fifth frame, as the
paper's run does. With `--against FOLDER`, another checkout, both versions run in turn on the same
videos, and the table gives their ratio and whether all arrays are equal to the bit.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from jointreg.config import Background, Dataset, Prepare, Segment, read_yaml
from jointreg.config.sequences import Work
from jointreg.datasets.readers import open_dataset
from jointreg.frames.prepare import prepare
from jointreg.segmentation.background import background_model
from jointreg.segmentation.segment import Footage, segment
from jointreg.stores.schema import Record
from jointreg.synthetic.parameters import Parameters
from jointreg.synthetic.rig import write_rig
from jointreg.synthetic.subject import write_subject

ROOT = Path(__file__).resolve().parent.parent
CAMERAS = ["54138969", "55011271"]
FRAME_STEP = 5
WORK = Work(
    subject="S1",
    action="Walking",
    takes=("1",),
    cameras=tuple(CAMERAS),
    first_frame=0,
    last_frame=-1,
    split="train",
)


def film(folder: Path, frames: int) -> None:
    """Videos and labels of the walk in Human3.6M's layout."""
    parameters = Parameters(**read_yaml(ROOT / "config" / "generator.yaml"))
    write_rig(
        root=folder,
        truth=folder / "truth",
        parameters=parameters,
        subjects=[WORK.subject],
        actions=[WORK.action],
        takes=list(WORK.takes),
        camera_names=CAMERAS,
        seed=2022,
    )
    write_subject(
        subject=WORK.subject,
        root=folder,
        truth_root=folder / "truth",
        parameters=parameters,
        takes={WORK.action: WORK.takes},
        cameras=CAMERAS,
        frames=frames,
        frames_per_second=50.0,
        seed=2022,
    )


def measure(folder: Path) -> dict[str, tuple[float, str]]:
    """Stage -> CPU seconds and digest of its arrays."""
    defaults = read_yaml(ROOT / "config" / "config.yaml")
    settings = Dataset(
        source="human36m",
        root=str(folder),
        calibration=str(folder / "metadata.xml"),
        damaged="",
        skip_damaged=True,
    )
    recordings = open_dataset(settings).recordings(WORK)
    costs = {}

    def run(stage: str, work: Callable[[], tuple[dict[str, np.ndarray], dict[str, object]]]) -> Record:
        start = time.process_time()
        arrays, facts = work()
        costs[stage] = time.process_time() - start, digest(arrays)
        return Record(arrays, facts)

    chosen = Prepare(**defaults["prepare"] | {"frame_step": FRAME_STEP})
    frames = run("prepare", lambda: prepare(recordings, chosen))
    # A subject of Human3.6M has some 15,000 wanted frames a camera and a model of 120 pictures. So few
    # frames as here have a model of the fewest pictures that give statistics.
    room = run("background", lambda: background_model(recordings, Background(max_frames=8)))
    footage = Footage(frames, recordings, room)
    run("segment", lambda: segment(footage, Segment(**defaults["segment"])))
    return costs


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Short identity of arrays, their bits included."""
    whole = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        whole.update(
            f"{name} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()
        )
    return whole.hexdigest()[:12]


def measured_in(checkout: Path, folder: Path) -> dict[str, tuple[float, str]]:
    """`measure` with the package of another checkout, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(checkout / "src")}
    call = [sys.executable, __file__, "--folder", str(folder), "--json"]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the videos are, or are made and left")
    parser.add_argument("--frames", type=int, default=200, help="frames of a video")
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--repeats", type=int, default=3, help="the least CPU of so many runs counts")
    parser.add_argument("--json", action="store_true", help="print one run of this version alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if not (folder / "metadata.xml").is_file():
            film(folder, arguments.frames)
        if arguments.json:
            print(json.dumps(measure(folder)))
            return
        checkouts = [checkout for checkout in (arguments.against, ROOT) if checkout]
        runs: dict[Path, list[dict[str, tuple[float, str]]]] = {one: [] for one in checkouts}
        for _ in range(arguments.repeats):
            for checkout in checkouts:
                runs[checkout].append(measured_in(checkout, folder))
    print("| stage | CPU, s | " + ("against, s | ratio | arrays | " if arguments.against else ""))
    print("| --- | ---: | " + ("---: | ---: | --- | " if arguments.against else ""))
    totals = dict.fromkeys(checkouts, 0.0)
    for stage in runs[ROOT][0]:
        least = {one: min(run[stage][0] for run in runs[one]) for one in checkouts}
        totals = {one: totals[one] + least[one] for one in checkouts}
        equal = len({run[stage][1] for one in checkouts for run in runs[one]}) == 1
        print(row(stage, [least[one] for one in checkouts], "equal" if equal else "DIFFER"))
    print(row("all", list(totals.values()), ""))


def row(stage: str, seconds: list[float], arrays: str) -> str:
    """A row of the table: this version last in `seconds`."""
    ours = f"| {stage} | {seconds[-1]:.2f} | "
    if len(seconds) == 1:
        return ours
    return ours + f"{seconds[0]:.2f} | {seconds[-1] / seconds[0]:.2f} | {arrays} | "


if __name__ == "__main__":
    main()
