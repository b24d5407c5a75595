"""Fetch the data of config/lab.yaml: four videos with calibration, and the landmark network.

Both come out of public Python packages, which are downloaded by pip, opened and deleted; they are not
installed. Pose2Sim's demo recording (BSD-3-Clause) and MediaPipe's pose_landmark_full (Apache-2.0).

Run it from the repository: python tools/fetch_lab.py [folder, default data/lab]
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

DEMO = "Pose2Sim/Demo_SinglePerson"
TAKE = "balance"
FILES = {
    "pose2sim==0.10.49": {
        f"{DEMO}/calibration/Calib.qca.txt": (
            "Calib.qca.txt",
            "fd90e4bbae3278ef1dc0cdd42a34ee06bf88286f628a02c00a29407aa39e34c5",
        ),
        f"{DEMO}/videos/cam01.mp4": (
            f"{TAKE}/cam01.mp4",
            "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
        ),
        f"{DEMO}/videos/cam02.mp4": (
            f"{TAKE}/cam02.mp4",
            "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442",
        ),
        f"{DEMO}/videos/cam03.mp4": (
            f"{TAKE}/cam03.mp4",
            "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca",
        ),
        f"{DEMO}/videos/cam04.mp4": (
            f"{TAKE}/cam04.mp4",
            "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7",
        ),
        "pose2sim-0.10.49.dist-info/licenses/LICENSE": (
            "LICENSE.pose2sim",
            "",
        ),
    },
    "mediapipe==0.10.21": {
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite": (
            "pose_landmark_full.tflite",
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        ),
        "mediapipe-0.10.21.dist-info/LICENSE": (
            "LICENSE.mediapipe",
            "",
        ),
    },
}
"""Requirement -> path in its wheel -> path below the folder, and sha256 (empty: a licence text)."""


def main(folder: Path) -> None:
    """Fetch what is missing or differs from its sha256."""
    for requirement, files in FILES.items():
        if all(is_good(folder / path, digest) for path, digest in files.values()):
            print(f"{requirement}: already in {folder}")
            continue
        with tempfile.TemporaryDirectory() as temporary:
            wheel = download(requirement, Path(temporary))
            with zipfile.ZipFile(wheel) as archive:
                for member, (path, digest) in files.items():
                    write(archive.read(member), folder / path, digest)
        print(f"{requirement}: {len(files)} files in {folder}")


def is_good(path: Path, digest: str) -> bool:
    """Whether a file is there and is the one that was tried."""
    return path.is_file() and digest in ("", hashlib.sha256(path.read_bytes()).hexdigest())


def download(requirement: str, folder: Path) -> Path:
    """Download one wheel of a package without its dependencies."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--python-version=3.11", "--dest", str(folder)]
    if requirement.startswith("mediapipe"):  # the network is the same in every wheel
        command += ["--platform=manylinux_2_28_x86_64"]
    done = subprocess.run([*command, requirement], check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise SystemExit(
            f"pip could not download {requirement}\n"
            "  next:   check the network, or set PIP_INDEX_URL to a mirror"
        )
    return wheels[0]


def write(content: bytes, path: Path, digest: str) -> None:
    """Write a file whose sha256 is right, under its final name only when it is whole."""
    found = hashlib.sha256(content).hexdigest()
    if digest not in ("", found):
        raise SystemExit(f"{path.name}: sha256 is {found}, expected {digest}\n  next:   fetch it again")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("data/lab"))
