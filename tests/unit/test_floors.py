"""The floor plan of the package: who may import whom, what lies where, what is light to import."""

import ast
import functools
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from project import ROOT
from rule_files import import_statements, rule_files

PACKAGE = ROOT / "src/jointreg"
MODULES = sorted(PACKAGE.rglob("*.py"))
FACES = [path for path in MODULES if path.name == "__init__.py" and path.parent != PACKAGE]
UNIT = ROOT / "tests/unit"

MOST_ROOT_MODULES = 10
MOST_LINES = 400
LONG_FILES = {
    "silhouette/_numba_kernels.py": "numba caches compiled code by file; kernels in two files go stale",
}
HEAVY = {"torch", "pandas", "matplotlib", "numba", "scipy", "zarr", "cv2"}

TESTS_OF_SEVERAL_MODULES = {
    "test_floors.py": "the tree itself",
    "test_environments.py": "envs/, pyproject.toml and constraints.txt",
    "test_references.py": "names in the docstrings of every module",
    "test_build_body.py": "tools/build_open_body.py",
    "test_film.py": "benchmarks/film.py",
    "test_field_matrix.py": "tools/field_matrix.py",
    "test_text_files.py": "every source that reads or writes text",
    "test_wheel.py": "the built wheel, installed alone",
    "datasets/test_open_data_set.py": "files that the generator writes, read by every reader",
    "silhouette/test_rigid_fit.py": "gradients of rendering, skinning and camera together",
    "regressor/test_mesh_sizes.py": "fits on meshes of other models, from body to files",
    "silhouette/test_backends.py": "all backends against each other",
    "silhouette/test_union.py": "the union of overlapping faces, in every backend",
    "tables/test_latex.py": "tables of render, compiled by LaTeX",
}
"""Test file -> what it tests. Every other one tests the module of its name."""


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) of every import of a Python file; a name is empty where a module is imported."""
    pairs = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            pairs += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            pairs += [("." * node.level + (node.module or ""), alias.name) for alias in node.names]
    return pairs


def test_the_contracts_of_import_linter_hold():
    """[tool.importlinter] of pyproject.toml. A failure prints the chain of imports."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = shutil.which("lint-imports", path=places)
    assert command, "lint-imports is missing: pip install -e '.[tests]'"
    done = subprocess.run(
        [command, "--no-cache"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert " 0 broken" in done.stdout


def test_contributing_shows_the_floors_of_the_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert "\n".join(layers) in (ROOT / "CONTRIBUTING.md").read_text()


def test_few_modules_lie_at_the_root():
    modules = [path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_ROOT_MODULES, sorted(modules)


def test_no_file_is_long():
    lengths = {named(path): len(path.read_text().splitlines()) for path in MODULES}
    long = {name: length for name, length in lengths.items() if length > MOST_LINES}
    assert set(long) == set(LONG_FILES), f"at most {MOST_LINES} lines a file: {long}"


def test_no_file_name_repeats_the_name_of_its_folder():
    inner = [path for path in MODULES if path.parent != PACKAGE]
    assert not [named(path) for path in inner if path.parent.name.removesuffix("s") in path.stem]


def test_every_test_lies_where_its_module_does():
    tests = {path.relative_to(UNIT).as_posix(): path for path in UNIT.rglob("test_*.py")}
    alone = set()
    for name, path in tests.items():
        module = PACKAGE / path.relative_to(UNIT).with_name(path.name.removeprefix("test_"))
        if not module.exists() and not module.with_name(f"_{module.name}").exists():
            alone.add(name)
    assert alone == set(TESTS_OF_SEVERAL_MODULES)


@pytest.mark.parametrize("path", FACES, ids=lambda path: path.parent.relative_to(PACKAGE).as_posix())
def test_a_face_is_empty_or_plain_absolute_imports(path):
    """Anything else would hide from the source digests which code is used."""
    tree = ast.parse(path.read_text())
    body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    if not body:
        return
    *lines, last = body
    for line in lines:
        assert isinstance(line, ast.ImportFrom), ast.unparse(line)
        assert line.level == 0 and line.module.startswith("jointreg."), ast.unparse(line)
        assert all(alias.name != "*" and alias.asname is None for alias in line.names)
    assert isinstance(last, ast.Assign) and ast.unparse(last.targets[0]) == "__all__"
    public = ast.literal_eval(last.value)
    assert sorted(public) == sorted(alias.name for line in lines for alias in line.names)
    hidden = {module.stem for module in path.parent.glob("*.py")} & set(public)
    assert not hidden, f"a module and a public name: {hidden}"


def test_imports_are_absolute_and_name_every_name():
    for path in MODULES:
        for module, name in imports(path):
            assert not module.startswith(".") and name != "*", f"{named(path)}: {module} {name}"


def test_underscores_are_not_imported_from_outside_their_folder():
    """Modules and names; rule files and scripts are outside of every folder."""
    outside = [*(ROOT / "workflow").rglob("*.py"), *(ROOT / "tools").glob("*.py")]
    for path in [*MODULES, *outside]:
        for module, name in imports(path):
            parts = [*module.split("."), name]
            private = [at for at, part in enumerate(parts) if part.startswith("_") and part[1:2] != "_"]
            if parts[0] == "jointreg" and private:
                folder = PACKAGE.joinpath(*parts[1 : private[0]])
                folder = folder if folder.is_dir() else folder.parent
                assert folder in path.parents, f"{path.relative_to(ROOT)}: {module} {name}"


def heavy_after(statements: list[str]) -> list[str]:
    """Heavy libraries that a fresh interpreter has loaded after some import statements."""
    code = "\n".join(["import sys", *statements, f"print(*sorted({HEAVY} & set(sys.modules)))"])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_scheduling_process_loads_nothing_heavy():
    """Everything that the rule files import, Snakemake's own modules apart."""
    statements = [line for path in rule_files(ROOT) for line in import_statements(path)]
    ours = [line for line in statements if "snakemake" not in line.split()[1]]
    assert sum("jointreg" in line.split()[1] for line in ours) >= 10
    assert not heavy_after(ours)


def test_bodies_stores_metrics_and_exchange_load_nothing_heavy():
    modules = ["body", "stores", "metrics", "config", "exchange"]
    modules += [f"exchange.{path.stem}" for path in (PACKAGE / "exchange").glob("[!_]*.py")]
    assert not heavy_after([f"import jointreg.{module}" for module in modules])


def test_a_heavy_import_is_noticed():
    """The fits load scipy, which the tests above would report."""
    assert "scipy" in heavy_after(["import jointreg.regressor"])
