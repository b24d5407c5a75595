"""The conda environments ask for what pyproject.toml asks for, which is the home of every version."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement

PIP_NAME = {"opencv": "opencv-python-headless", "pytorch": "torch", "matplotlib-base": "matplotlib"}
"""Packages that conda-forge calls otherwise than PyPI."""
CONDA_ONLY = {"python", "pip", "detectron2"}


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def versions(project):
    """Versions that pyproject.toml allows of each package, once an extra that names it."""
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    allowed = {}
    for requirement in map(Requirement, lines):
        allowed.setdefault(requirement.name, []).append(requirement.specifier)
    return allowed


def read_environment(path):
    """Package and version specifier of every line of an environment, pip's lines too."""
    listed = yaml.safe_load(path.read_text())["dependencies"]
    lines = [line for line in listed if isinstance(line, str)]
    lines += [line for entry in listed if isinstance(entry, dict) for line in entry["pip"]]
    pairs = [re.fullmatch(r"([\w.-]+?) ?([=<>].*)?", line).groups(default="") for line in lines]
    return {PIP_NAME.get(name, name): version for name, version in pairs}


def test_every_environment_asks_for_the_versions_of_the_project(root, project, versions):
    base = {Requirement(line).name for line in project["dependencies"]}
    for path in sorted((root / "envs").glob("*.yaml")):
        asked = read_environment(path)
        assert base <= set(asked), f"{path.name} lacks {base - set(asked)}"
        for name, version in asked.items():
            if name in CONDA_ONLY or not version:
                continue
            assert name in versions, f"{path.name}: {name} is not in pyproject.toml"
            known = [str(specifier) for specifier in versions[name]]
            assert str(Requirement(name + version).specifier) in known, f"{path.name}: {name}"


def test_every_environment_of_a_rule_exists_and_every_file_is_used(root):
    rules = "".join(path.read_text() for path in sorted((root / "workflow/rules").glob("*.smk")))
    named = set(re.findall(r"envs/(\w+)\.yaml", rules))
    chosen = {"lab", "detectron2", "torchvision"}  # by segment.method, in segment.smk
    there = {path.stem for path in (root / "envs").glob("*.yaml")}
    assert named | chosen <= there
    assert there - named - chosen == {"pytorch3d"}  # the user's choice: optimize.backend pytorch3d


def test_every_script_names_its_environment_and_every_environment_what_is_unsolved(root):
    for path in sorted((root / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^ *(?=rule )", path.read_text(), flags=re.MULTILINE)[1:]:
            assert ("script:" in rule) == ("conda:" in rule), rule.splitlines()[0]
    for path in sorted((root / "envs").glob("*.yaml")):
        comment = " ".join(re.findall(r"^# (.*)$", path.read_text(), re.MULTILINE))
        assert re.search(r"not solved on conda yet", comment, re.IGNORECASE), path.name


def test_the_tested_set_is_allowed(root, versions):
    """constraints.txt pins versions that the project allows; the extra `paper` has its own torch."""
    lines = (root / "constraints.txt").read_text().splitlines()
    pins = dict(line.lower().split("==") for line in lines if not line.startswith("#"))
    for name, allowed in versions.items():
        if name in pins:
            assert any(specifier.contains(pins[name]) for specifier in allowed), name
        else:
            assert name in ("torchvision", "easypytorch3d", "setuptools"), f"{name} is not pinned"


def test_no_version_is_written_a_second_time(root):
    for name in ("Makefile", "src/jointreg/silhouette/_pytorch3d_backend.py", "envs/README.md"):
        assert not re.search(r"[a-z\d]==\d", (root / name).read_text()), f"{name} holds a version"
