"""The built wheel in a fresh environment with what it asks for and nothing else: every command runs."""

import ast
import email
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from packaging.requirements import Requirement
from planted_regressors import near_joints
from project import ROOT

import jointreg

LARGEST_MB = 250
"""What an installed core may take."""
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
"""The environment's variables without those that lead to the checkout."""
HEAVY = ("torch", "snakemake", "numba", "zarr", "matplotlib", "pandas", "cv2", "smplx")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built of a copy: setuptools writes into the folder that it builds."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder / name)
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", folder / "src", ignore=unwanted)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "-w", "dist", "."], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = (folder / "dist").glob("jointreg-*.whl")
    return built


def closure(requirements):
    """Distributions of this environment that these requirements need, by name."""
    needed = {}
    rest = [Requirement(line) for line in requirements]
    while rest:
        one = rest.pop()
        wanted = one.marker is None or any(one.marker.evaluate({"extra": e}) for e in one.extras or [""])
        if wanted and one.name not in needed:
            needed[one.name] = importlib.metadata.distribution(one.name)
            rest += map(Requirement, needed[one.name].requires or [])
    return needed


@pytest.fixture(scope="module")
def fresh(wheel, tmp_path_factory):
    """Folder of an environment with the wheel and the packages that it needs; pip is not in it."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "-q", "--no-deps"]
    subprocess.run([*pip, "--no-index", wheel], env=CLEAN, check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (metadata,) = packages.glob("jointreg-*.dist-info")
    base = importlib.metadata.PathDistribution(metadata).requires or []
    needed = closure(line for line in base if "extra ==" not in line)
    for distribution in needed.values():
        for name in {file.parts[0] for file in distribution.files if file.parts[0] not in ("..", "bin")}:
            if not (packages / name).exists():
                (packages / name).symlink_to(distribution.locate_file(name))
    return folder


@pytest.fixture(scope="module")
def files(fresh, body, tmp_path_factory):
    """A reader's folder outside the checkout: a regressor, bodies, their vertices and labels."""
    folder = tmp_path_factory.mktemp("reader")
    generator = np.random.default_rng(4)
    weights = near_joints(body, generator)
    turns = np.linalg.qr(np.eye(3) + 0.1 * generator.normal(size=(30, 24, 3, 3)))[0]
    turns *= np.sign(np.einsum("nkii->nki", turns))[..., None, :]
    betas, far = generator.normal(size=(30, 10)), np.tile([0.0, 0.0, 4.0], (30, 1))
    vertices = body.vertices(turns, betas, far)
    np.save(folder / "J.npy", weights)
    np.save(folder / "vertices.npy", vertices)
    np.savez(folder / "labels.npz", joints_cam=weights @ vertices.astype(np.float64))
    np.savez(folder / "predictions.npz", rotations=turns, betas=betas, translation=far)
    return folder


def run(fresh, folder, *words):
    """Status and output of `jointreg WORDS`, by the installed script."""
    command = [fresh / "bin/jointreg", *words]
    done = subprocess.run(command, cwd=folder, env=CLEAN, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_nothing_heavy_is_there(fresh):
    for name in HEAVY:
        code = [fresh / "bin/python", "-c", f"import {name}"]
        done = subprocess.run(code, cwd=fresh, env=CLEAN, capture_output=True)
        assert b"ModuleNotFoundError" in done.stderr, name


COMMANDS = {
    "convert": ("wrote K.pt", "convert J.npy K.pt"),
    "inspect": ("effective", "inspect K.pt"),
    "identify": ("17 rows for 6890 vertices", "identify K.pt"),
    "fit": ("wrote F.npz", "fit vertices.npy --labels labels.npz --output F.npz --mesh open"),
    "transfer": ("wrote T.npy", "transfer J.npy T.npy --from open --to open"),
    "evaluate": ("17 joints", "evaluate predictions.npz labels.npz --regressor J.npy K.pt"),
    "doctor": ("body", "doctor"),
}


def test_every_command_runs(fresh, files):
    status, text = run(fresh, files, "--version")
    assert status == 0 and text.split() == ["jointreg", jointreg.__version__]
    assert set(COMMANDS) == set(run(fresh, files, "--help")[1].split()) & set(COMMANDS)
    for expected, command in COMMANDS.values():
        status, text = run(fresh, files, *command.split())
        assert status == 0 and expected in text, f"{command}\n{text}"


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("inspect J.npy --picture a.png", "matplotlib", "pictures"),
        ("evaluate predictions.npz labels.zarr.zip --regressor J.npy", "zarr", "workflow"),
    ],
)
def test_what_an_extra_has_is_named(fresh, files, command, package, extra):
    (files / "labels.zarr.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    status, text = run(fresh, files, *command.split())
    assert status == 1 and "Traceback" not in text, text
    assert f"needs {package}" in text and f"pip install 'jointreg[{extra}]'" in text, text


def test_the_core_is_small(fresh):
    """All installed files, the compiled ones of Python among them."""
    (packages,) = fresh.glob("lib/python*/site-packages")
    command = ["du", "--summarize", "--dereference", "--apparent-size", "--block-size=1000", packages]
    size = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert 100 < int(size.split()[0]) / 1000 < LARGEST_MB


def test_the_page_of_a_package_index_leads_nowhere_into_the_checkout(wheel):
    """Its text is README's, without pictures and links that only a checkout has."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    page = metadata.get_payload(decode=True).decode()
    assert metadata["Description-Content-Type"] == "text/markdown"
    targets = re.findall(r"\]\(([^)]*)\)|(?:src|href)=\"([^\"]*)\"", page)
    assert all(link.startswith("https://") for pair in targets for link in pair if link), targets
    assert "](docs/" in (ROOT / "README.md").read_text() and "<img" not in page
    for words in ("docs/tutorial_score.md", "make demo", "Not in the box", "repository"):
        assert words in page


def test_only_tests_and_benchmarks_import_smplx():
    """Its licence allows non-commercial research only: package, workflow, tools, README do without."""
    texts = {str(path): path.read_text() for path in (ROOT / "src").rglob("*.py")}
    for folder in ("workflow", "tools"):
        texts |= {str(path): path.read_text() for path in (ROOT / folder).rglob("*.py")}
    readme = (ROOT / "README.md").read_text().split("```python\n")[1:]
    texts |= {f"README {n}": text.split("```")[0] for n, text in enumerate(readme)}
    assert len(texts) > 200 and readme
    for where, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert "smplx" not in {name.split(".")[0] for name in names}, where
