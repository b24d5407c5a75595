"""Text files are UTF-8, whatever the locale of the machine is."""

import ast
import os
import re
import subprocess
import sys

import pytest
from project import ROOT

SOURCES = sorted(
    path
    for folder in ("src", "workflow/scripts", "tools", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
OPENERS = ("read_text", "write_text", "open", "fdopen", "TemporaryFile", "NamedTemporaryFile")
OTHER_OPENERS = ("os", "av", "archive", "Image", "tarfile", "wave", "webbrowser", "zarr")
"""Libraries whose `open` opens no text."""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale without UTF-8."""


def without_encoding(text: str) -> list[str]:
    """Calls that read or write text in the encoding of the locale."""
    calls = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        of = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
        constants = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
        is_binary = any(re.fullmatch(r"[rwxa]\+?b\+?", str(value)) for value in constants)
        named = any(keyword.arg == "encoding" for keyword in node.keywords)
        if name in OPENERS and of not in OTHER_OPENERS and not is_binary and not named:
            calls.append(ast.unparse(node))
    return calls


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("path.read_text()", 1),
        ("open(path)", 1),
        ("with path.open('w', newline='') as s: pass", 1),
        ("path.write_text('b')", 1),
        ("path.read_text(encoding='utf-8')", 0),
        ("path.open('rb')", 0),
        ("av.open(path)", 0),
        ("path.read_bytes()", 0),
    ],
)
def test_the_scan_sees_what_it_should(text, count):
    assert len(without_encoding(text)) == count


def test_every_source_names_the_encoding():
    assert len(SOURCES) > 200
    texts = {path: path.read_text(encoding="utf-8") for path in SOURCES}
    assert not {
        str(p.relative_to(ROOT)): c for p, text in texts.items() if (c := without_encoding(text))
    }
    for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.search(r"\b(read_text|open)\(\)", line), f"{path.name}: {line}"


def test_tables_and_configuration_are_read_in_a_locale_without_utf_8(tmp_path):
    """Words of other scripts in the configuration, in a table, and in the sources that are digested."""
    table = (ROOT / "config/methods.tsv").read_text(encoding="utf-8")
    (tmp_path / "methods.tsv").write_text(f"{table}# Größe\n", encoding="utf-8")
    changes = f"run: here\nmethods_table: {tmp_path}/methods.tsv # Größe\n"
    (tmp_path / "run.yaml").write_text(changes, encoding="utf-8")
    code = (
        "from pathlib import Path; from jointreg.pipeline.source_digest import source_digest\n"
        "for script in sorted(Path('workflow/scripts').glob('*.py')): source_digest(script)\n"
        "import sys; from jointreg.cli import main\n"
        f"main(['doctor', '--config', 'config/open.yaml', '{tmp_path}/run.yaml'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | ASCII | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
    )
    text = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0 and "run here, 21 sequences" in text and "FAIL" not in text, text
