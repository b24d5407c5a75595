"""Every command and every block of the documentation, run in a folder that looks like a reader's.

Commands that need licensed files, a cluster or minutes are checked in a cheaper way, which is named at
the end of the tests' output: workflow runs as dry runs, make's targets by `make -n`.
"""

import contextlib
import fnmatch
import functools
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from blocks import LANGUAGES, NOT_RUN, in_text, pages, read, unfenced
from dry_run import REPORT, snakemake
from readers import NAMESPACES

from jointreg.cli.commands import _parser, main
from jointreg.config import load, read_yaml


def numbered(root, language):
    return [block for block in read(root) if block.language == language]


@pytest.fixture
def here(reader, monkeypatch):
    monkeypatch.chdir(reader)
    return reader


def run_jointreg(words):
    """Status of the command in this process: its start-up is a second, its modules are loaded."""
    return main(words[1:])


def missing_data_is_named(words, capsys):
    """`jointreg doctor` of a run whose files are empty ends with 1 and says so."""
    status, text = run_jointreg(words), capsys.readouterr().out
    assert status == 1 and "SMPL_NEUTRAL.pkl" in text and "ok    python" in text, text


def test_every_fence_says_what_it_holds(root):
    for page, text in pages(root).items():
        assert not unfenced(text), page
    for block in read(root):
        assert block.language in LANGUAGES, f"{block.page}:{block.line}: fence ```{block.language}"


@pytest.fixture(scope="module")
def reader(place, root):
    """The folder after a reader has written a page's files and run its blocks of Python, in order."""
    for block in (*numbered(root, "tsv"), *numbered(root, "yaml")):
        if own(block, root):
            (place / block.file).parent.mkdir(parents=True, exist_ok=True)
            (place / block.file).write_text(block.text)
    with contextlib.chdir(place):
        for page in pages(root):
            found = [
                block for block in numbered(root, "python") if block.page == page and not block.not_run
            ]
            if found:
                assert page in NAMESPACES, f"{page} is not in tests/docs/readers.py"
                names = NAMESPACES[page](place)
            for block in found:
                exec(compile("\n" * block.line + block.text, str(root / page), "exec"), names)
    return place


def own(block, root):
    """Whether the page says that the block is a file, and the project does not have it."""
    return block.file and not (root / block.file).exists()


def test_blocks_of_python_run(root, reader, checked):
    for block in numbered(root, "python"):
        where = f"{block.page}:{block.line}"
        if block.not_run:
            checked(NOT_RUN, f"{where} ({block.not_run})")
        else:
            checked("blocks of Python run", where)


def test_configurations_and_rows_of_tables_are_valid(root, here, checked):
    head = (root / "config/methods.tsv").read_text().splitlines()[0]
    for block in numbered(root, "yaml"):
        (here / "part.yaml").write_text(block.text)
        where = f"{block.page}:{block.line}"
        load(read_yaml("config/config.yaml", "config/human36m.yaml", "part.yaml"), [where])
        checked("configurations accepted", where)
    for block in numbered(root, "tsv"):
        if not own(block, root):
            assert block.text.strip().count("\t") == head.count("\t"), f"{block.page}:{block.line}"
            checked("rows of config/methods.tsv, compared with its head", f"{block.page}:{block.line}")


@pytest.mark.parametrize("source", ["open", "SMPL_NEUTRAL.pkl"])
def test_ten_lines_of_the_readme_read_joints_off_a_body(root, here, body, capsys, source):
    """Against J @ vertices; the open body and SMPL."""
    (block,) = [block for block in numbered(root, "python") if block.page == "README.md"]
    assert len(block.text.splitlines()) <= 10
    names = {}
    exec(block.text.replace('"open"', f'"{source}"'), names)
    weights = np.load(here / "results/open/fit_regressor_opt/J_opt_full.npy")
    posed = body.vertices(np.tile(np.eye(3), (1, 24, 1, 1)), np.zeros((1, 10)))
    assert np.abs(names["joints"] - weights @ posed.astype(np.float64)).max() < 1e-5
    printed = capsys.readouterr().out.splitlines()[-1]
    ankles = eval(printed)
    assert ankles["left_ankle"][0] > 0.03 and ankles["right_ankle"][0] < -0.03


def test_blocks_of_commands_run(root, here, checked, capsys):
    for block in numbered(root, "sh"):
        for command in block.commands:
            where = f"{block.page}:{block.line}: {command}"
            if block.not_run:
                checked(NOT_RUN, f"{where} ({block.not_run})")
                continue
            words = shlex.split(command.replace("<run>", "open"))
            if words[0] == "make":
                make(here, *words)
                checked("make targets accepted by make -n", where)
            elif words[0] == "jointreg" and words[1] == "doctor":
                missing_data_is_named(words, capsys)
                checked("jointreg commands run", where)
            elif words[0] == "jointreg":
                assert run_jointreg(words) == 0, f"{where}\n{capsys.readouterr().err}"
                checked("jointreg commands run", where)
            elif words[0] == "snakemake":
                continue  # workflow_commands has them
            elif words[0] == "$EDITOR":
                assert (root / words[1]).is_file(), where
                checked("files to edit that exist", where)
            elif words[0] == ".":
                assert words[1:] == [".venv/bin/activate"], where
                checked("activations of the environment that `make env` makes", where)
            else:
                raise AssertionError(f"{where}: neither run nor marked <!-- not run: why -->")


@functools.cache
def make(folder, *words):
    """`make -n`, once for all pages that name the command: a plan changes nothing."""
    done = subprocess.run(["make", "-n", *words[1:]], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"


def workflow_commands(root):
    """Every distinct command line of snakemake, of blocks and of running text, with a configuration."""
    found = {}
    for block in numbered(root, "sh"):
        for command in block.commands:
            if command.startswith("snakemake "):
                found.setdefault(normal(command), f"{block.page}:{block.line}")
    for page, text in pages(root).items():
        for command in in_text(text):
            if command.startswith("snakemake ") and "--configfile" in command:
                found.setdefault(normal(command), page)
    return found


def normal(command):
    """Without what a dry run does not depend on, and for a run that there is."""
    words = shlex.split(command.replace("<run>", "open"))[1:]
    while "--cores" in words:
        at = words.index("--cores")
        del words[at : at + 2]
    return tuple(word for word in words if word not in ("-n", "--quiet", "rules"))


def test_workflow_commands_are_planned(root, here, checked):
    found = {words: at for words, at in workflow_commands(root).items() if "--report" not in words}

    def plan(words):
        return snakemake(here, "--dry-run", "--quiet", *words, check=False)

    with ThreadPoolExecutor(2) as two_cores:
        for (words, where), done in zip(found.items(), two_cores.map(plan, found), strict=True):
            command = f"{where}: snakemake {' '.join(words)}"
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            checked("workflow commands planned by a dry run", command)


def test_the_command_for_the_report_is_the_one_that_is_run(root, checked):
    """tests/workflow/test_tiny.py runs it, with the tiny run in place of the tutorial's Human3.6M."""
    (words,) = [words for words in workflow_commands(root) if "--report" in words and "--" in words]
    changed = [
        re.sub(r"(results/)?human36m", "tiny", word) for word in words if word != "config/site.yaml"
    ]
    changed = ["tests/tiny/config.yaml" if word == "config/tiny.yaml" else word for word in changed]
    changed = ["report.html" if word.endswith(".html") else word for word in changed]
    assert tuple(changed) == REPORT
    checked("report commands that the tests of the workflow run", " ".join(words))


def test_your_own_data_set_is_read(root, here, checked):
    """The tutorial's tables, labels and calibration, with a video of the tiny run: rule prepare."""
    from jointreg import stores

    target = "results/mine/prepare/P1/moving.zarr.zip"
    snakemake(here, "--configfile", "config/own_data.yaml", "config/mine.yaml", "--", target)
    mine = stores.FRAMES.read(here / target)
    known = stores.FRAMES.read(here / "results/open/prepare/S1/Walking.zarr.zip")
    assert mine.frame.tolist() == 3 * list(range(len(known.frame)))
    assert np.abs(mine.joints_cam - np.tile(known.joints_cam, (3, 1, 1))).max() < 1e-4
    checked("rules run on the data of a tutorial", target)


def test_commands_in_running_text_exist(root, here, checked):
    for page, text in pages(root).items():
        for command in in_text(text):
            words = shlex.split(command.replace("<run>", "open"))
            if words[0] == "make":
                make(here, *words)
                checked("make targets accepted by make -n", f"{page}: {command}")
            elif words[0] == "python" and words[1].endswith(".py"):
                assert (root / words[1]).is_file(), f"{page}: {command}"
                checked("scripts that exist", f"{page}: {command}")
            elif words[0] == "jointreg":
                known = _parser().format_help()
                assert all(word in known for word in words[1].split("|")), f"{page}: {command}"
                checked("names of jointreg's commands", f"{page}: {command}")


def test_tables_that_pages_name_are_made(root, finished, checked):
    """By the tiny run, or by the rules of a target of their own."""
    made = {path.name for path in (finished / "results/tiny/tables").iterdir()}
    rules = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    made |= {re.sub(r"{+\w+}+", "*", name) for name in re.findall(r"[/\"]([\w{}]+\.(?:csv|txt))", rules)}
    for page, text in pages(root).items():
        for name in re.findall(r"`[\w<>/.]*?tables/([\w<>]+\.(?:csv|txt))", text):
            pattern = re.sub(r"<\w+>", "*", name)
            assert pattern in made or fnmatch.filter(made, pattern), f"{page}: no rule makes {name}"
            checked("names of tables that a rule makes", f"{page}: {name}")
