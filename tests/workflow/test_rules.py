"""The rule files as text: one namespace without namesakes, and one name in five places."""

import ast
import re

import pytest
from project import ROOT

from jointreg.config import Config

FILES = (ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk")))
BLOCK = re.compile(
    r"^(?P<indent> *)(?:use rule \w+ as (?P<used>\w+) with|rule (?P<rule>\w+)|"
    r"(?P<directive>configfile|report|include|wildcard_constraints|container|localrules|ruleorder|onstart))\s*:"
)
SHARED_SCRIPTS = {
    "fit_regressor_spin": "fit_regressor",
    "fit_regressor_opt": "fit_regressor",
    "draw_learning_curve_truth": "draw_learning_curve",
    "optimize_training": "optimize",
    "split_training": "split_subject",
    "estimate_training": "estimate",
    "estimate_test": "estimate",
}
"""Rules that are one computation on other files."""
PLACES = ("tables", "figures", "report.html")
"""Of results/<run>: what is for readers, whichever rule makes it."""
OF_OTHERS = {
    "run_network": "estimate",
    "split_subject": "optimize",
    "split_training": "optimize",
    "optimize_training": "optimize",
    "estimate_training": "estimate",
    "estimate_test": "estimate",
}
"""Rules whose output is that of another rule, made in another way."""


def parted(text: str) -> tuple[str, dict[str, str]]:
    """A rule file as plain Python without its rules and directives, and the text of each rule."""
    python, rules, inside, name = [], {}, None, None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if inside is not None and (not line.strip() or indent > inside):
            if name:
                rules[name] += line + "\n"
            python.append("")
            continue
        inside = None
        if match := BLOCK.match(line):
            inside, name = indent, match["used"] or match["rule"]
            if name:
                assert name not in rules, f"rule {name} twice"
                rules[name] = line + "\n"
            python.append(" " * indent + "pass")
        else:
            python.append(line)
    return "\n".join(python), rules


def bound(text: str) -> set[str]:
    """Names that a rule file binds for all files: assignments, imports, functions, loops, rules."""
    python, rules = parted(text)
    names = set(rules)
    todo = list(ast.parse(python).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            names |= {part.target.id for part in ast.walk(node) if isinstance(part, ast.NamedExpr)}
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        todo += ast.iter_child_nodes(node)
    return names


def namesakes(texts: dict[str, str]) -> dict[str, list[str]]:
    """Names that are bound in several files -> these files."""
    files: dict[str, list[str]] = {}
    for file, text in texts.items():
        for name in bound(text):
            files.setdefault(name, []).append(file)
    return {name: places for name, places in files.items() if len(places) > 1}


def test_no_name_is_bound_in_two_rule_files():
    assert not namesakes({path.name: path.read_text() for path in FILES})


def test_no_name_of_snakemake_is_bound():
    theirs = {"checkpoint", "checkpoints", "config", "expand", "input", "output", "params", "report"}
    theirs |= {"resources", "rules", "temp", "wildcards", "workflow"}
    python = {path.name: bound(parted(path.read_text())[0]) for path in FILES}
    assert not {(file, name) for file, names in python.items() for name in names & theirs}


@pytest.mark.parametrize(
    "second",
    [
        "TRAINING = {1}",
        "(TRAINING,) = [1]",
        "from jointreg.regressor import Training as TRAINING",
        "def TRAINING(wildcards):\n    return 1",
        "if True:\n    TRAINING = 1",
        "for TRAINING in ():\n    pass",
        "[1 for _ in (1,) if (TRAINING := 1)]",
        "rule TRAINING:\n    output:\n        'x',",
        "if True:\n\n    use rule x as TRAINING with:\n        output:\n            'x',",
    ],
)
def test_a_name_bound_twice_is_seen(second):
    first = "TRAINING = [row for row in ()]\n"
    harmless = "rule x:\n    params:\n        TRAINING=1,\n\n\n[TRAINING for TRAINING in ()]\n"
    assert namesakes({"a.smk": first, "b.smk": second + "\n"}) == {"TRAINING": ["a.smk", "b.smk"]}
    assert not namesakes({"a.smk": first, "b.smk": harmless})


RULES = {name: text for path in FILES for name, text in parted(path.read_text())[1].items()}
WITH_SCRIPT = sorted(name for name, text in RULES.items() if "log:" in text)


def test_every_rule_is_looked_at():
    assert len(WITH_SCRIPT) >= 30
    assert {name for name in RULES if name not in WITH_SCRIPT} == {
        *("all", "paper", "offsets", "learning_curve")
    }


@pytest.mark.parametrize("rule", WITH_SCRIPT)
def test_one_name_in_five_places(rule):
    """The script, the logs and the results bear the rule's name; its block is known."""
    text = RULES[rule]
    script = SHARED_SCRIPTS.get(rule, rule)
    if "script:" in text:
        assert f'"../scripts/{script}.py"' in text
        for directive in ("benchmark:", "conda:"):
            assert directive in text, directive
    assert (ROOT / f"workflow/scripts/{script}.py").is_file()
    if 'code("' in text or "code=code" in text:
        assert f'code=code("{script}")' in text
    logs = set(re.findall(r'f"logs/\{RUN\}/(\w+)[./]', text.split("script:")[0].split("params:")[0]))
    assert logs == {rule}
    output = text.split("output:")[1].split("log:")[0]
    for place in re.findall(r'f"results/\{RUN\}/([\w.]+)', output):
        assert place in (rule, *PLACES), place
    if rule in OF_OTHERS:
        assert f"rules.{OF_OTHERS[rule]}.output" in output
    for block in re.findall(r'\bblock\("(\w+)"', text):
        assert hasattr(Config, block) or block in Config.model_fields, block


def test_every_script_has_its_rule():
    scripts = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")}
    assert scripts == {SHARED_SCRIPTS.get(rule, rule) for rule in WITH_SCRIPT}


def test_every_block_has_a_rule_that_begins_or_ends_with_it():
    """A block that serves several rules has the name of one of them or their common beginning."""
    fields = Config.model_fields.items()
    blocks = {name for name, info in fields if hasattr(info.annotation, "model_fields")}
    nouns = {"dataset", "raw_files"}  # the raw data: what rules read, and not what they do
    unknown = {
        block
        for block in blocks - nouns
        if not any(rule == block or rule.startswith(f"{block}_") for rule in WITH_SCRIPT)
    }
    assert not unknown
