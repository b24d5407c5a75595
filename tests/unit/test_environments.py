"""The conda environments ask for what pyproject.toml asks for, which is the home of every version."""

import ast
import re
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from project import ROOT
from rule_files import rule_files

PIP_NAME = {"opencv": "opencv-python-headless", "pytorch": "torch", "matplotlib-base": "matplotlib"}
"""Packages that conda-forge calls otherwise than PyPI."""
CONDA_ONLY = {"python", "pip", "detectron2"}
OF_TORCH = {"torchvision"}
"""Packages of which each version belongs to one of torch, so that none needs to be named."""
PACKAGE_OF = {"yaml": "pyyaml", "cv2": "opencv-python-headless", "PIL": "pillow", "markupsafe": "jinja2"}
"""Module -> the package that brings it, where the names differ."""


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
        if requirement.name == project["name"]:  # an extra of ours
            continue
        allowed.setdefault(requirement.name, []).append(requirement.specifier)
    return allowed


def read_environment(path):
    """Package and version specifier of every line of an environment, pip's lines too."""
    listed = yaml.safe_load(path.read_text())["dependencies"]
    lines = [line for line in listed if isinstance(line, str)]
    lines += [line for entry in listed if isinstance(entry, dict) for line in entry["pip"]]
    pairs = [re.fullmatch(r"([\w.-]+?) ?([=<>].*)?", line).groups(default="") for line in lines]
    return {PIP_NAME.get(name, name): version for name, version in pairs}


@pytest.fixture(scope="module")
def pins(root):
    """Version of each package in constraints.txt, names in lower case."""
    lines = (root / "constraints.txt").read_text().splitlines()
    return dict(line.lower().split("==") for line in lines if not line.startswith("#"))


@pytest.fixture(scope="module")
def environments(root):
    """Name of each conda file -> its packages and their versions."""
    return {path.stem: read_environment(path) for path in sorted((root / "envs").glob("*.yaml"))}


def test_every_environment_asks_for_the_versions_of_the_project(environments, project, versions):
    base = {Requirement(line).name for line in project["dependencies"]}
    for file, asked in environments.items():
        assert base <= set(asked), f"{file} lacks {base - set(asked)}"
        for name in set(asked) - CONDA_ONLY:
            assert name in versions, f"{file}: {name} is not in pyproject.toml"
            allowed = [str(specifier) for specifier in versions[name]]
            if asked[name] or name not in OF_TORCH:
                assert str(SpecifierSet(asked[name])) in allowed, f"{file}: {name}"


def test_every_environment_allows_the_tested_set(environments, project, versions, pins):
    """Name by name; where the extra `paper` asks for one version exactly, that one."""
    paper = {r.name: r.specifier for r in map(Requirement, project["optional-dependencies"]["paper"])}
    for file, asked in environments.items():
        for name in set(asked) - CONDA_ONLY - {"setuptools"}:
            specifier = SpecifierSet(asked[name])
            if name in OF_TORCH or specifier == paper.get(name):
                assert specifier in ("", paper[name]), f"{file}: {name}"
            else:
                assert specifier.contains(pins[name]), f"{file}: {name} {pins[name]}"


def test_every_environment_has_the_python_of_the_project(root, environments, project):
    (names,) = re.findall(r"^PYTHONS := ([\d. ]+)$", (root / "Makefile").read_text(), re.MULTILINE)
    pythons = names.split()
    assert all(SpecifierSet(project["requires-python"]).contains(python) for python in pythons)
    classifiers = [f"Programming Language :: Python :: {python}" for python in reversed(pythons)]
    assert classifiers == [line for line in project["classifiers"] if re.search(r":: 3\.\d+$", line)]
    python = pythons[-1]  # the tested one
    assert {file: asked["python"] for file, asked in environments.items()} == dict.fromkeys(
        environments, f"={python}"
    )


def rules(root):
    """(name, text) of every rule."""
    for path in rule_files(root):
        for rule in re.split(r"^ *(?=rule \w+:)", path.read_text(), flags=re.MULTILINE)[1:]:
            yield rule.splitlines()[0], rule


def test_every_environment_of_a_rule_exists_and_every_file_is_used(root, environments):
    named = {name for _, rule in rules(root) for name in re.findall(r"envs/(\w+)\.yaml", rule)}
    chosen = {"lab", "detectron2", "torchvision"}  # by segment.method
    assert named | chosen <= set(environments)
    assert set(environments) - named - chosen == {"pytorch3d"}  # by hand: optimize.backend pytorch3d


def test_every_rule_with_a_script_names_its_environment(root):
    for name, rule in rules(root):
        assert ("script:" in rule) == ("conda:" in rule), name


def loaded(path, packages):
    """Names of packages of others that importing a file of ours loads, in `packages` by path."""
    if path not in packages:
        packages[path] = set()  # a second visit on the way ends here
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            else:
                continue
            for module in modules:
                first = module.split(".")[0]
                if first == "jointreg":
                    for part in files_of(module):
                        packages[path] |= loaded(part, packages)
                elif first not in sys.stdlib_module_names:
                    packages[path].add(PACKAGE_OF.get(first, first))
    return packages[path]


def files_of(module):
    """The files that are run when a module of ours is imported."""
    at = ROOT / "src"
    for part in module.split("."):
        at /= part
        yield from (file for file in (at / "__init__.py", at.with_suffix(".py")) if file.is_file())


def test_every_environment_has_what_its_scripts_load(root, environments):
    """What a script imports before it begins; backends that are loaded by choice are not in it."""
    packages, checked = {}, 0
    for name, rule in rules(root):
        script = re.search(r"scripts/(\w+\.py)", rule)
        environment = re.search(r"envs/(\w+)\.yaml", rule)
        if script and environment:
            needed = loaded(root / "workflow/scripts" / script[1], packages)
            assert needed <= set(environments[environment[1]]), f"{name} {environment[1]}"
            checked += 1
    assert checked > 20 and any("torch" in needed for needed in packages.values())


def test_the_tested_set_is_allowed(versions, pins):
    """constraints.txt pins versions that the project allows; the extra `paper` has its own torch."""
    for name, allowed in versions.items():
        if name in pins:
            assert any(specifier.contains(pins[name]) for specifier in allowed), name
        else:
            assert name in ("torchvision", "easypytorch3d", "setuptools"), f"{name} is not pinned"


def test_no_version_is_written_a_second_time(root):
    for name in ("Makefile", "src/jointreg/silhouette/_pytorch3d_backend.py", "envs/README.md"):
        assert not re.search(r"[a-z\d]==\d", (root / name).read_text()), f"{name} holds a version"
