"""What docstrings refer to exists: dotted names in backticks, and what a string on its own describes."""

import ast
import re

from project import ROOT

PACKAGE = ROOT / "src/jointreg"
DOTTED = re.compile(r"`([A-Za-z_]\w*(?:\.\w+)+)(?:\(\))?`")
OURS = re.compile(r"\bjointreg\.\w+(?:\.\w+)*")
ENDINGS = {
    "cdf",
    "csv",
    "jpg",
    "json",
    "mp4",
    "npy",
    "npz",
    "pkl",
    "png",
    "py",
    "tflite",
    "tsv",
    "xml",
    "yaml",
    "yml",
}
"""A dotted word that ends so may be a file."""
SETTINGS = {"config.settings": "Config", "synthetic.parameters": "Parameters"}
"""Classes whose fields are keys of YAML files."""
FOREIGN = {"chumpy", "cv2", "np", "numpy", "torch", "zarr"}
"""Packages of others, whose names are not looked up."""


def module_name(path):
    """`body.model` of src/jointreg/body/model.py; empty for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def bound(body):
    """Name -> statement that binds it, of one body; blocks such as `if` and `try` are looked into."""
    names = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name.split(".")[0]): node for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [part for target in targets for part in ast.walk(target)]
            names |= {part.id: node for part in parts if isinstance(part, ast.Name)}
        elif isinstance(node, ast.If | ast.Try | ast.With):
            names = bound(node.body) | names
    return names


def exists(module, names):
    """Whether `names` lead on from a module: a name in it, then members of that class."""
    if not names:
        return True
    first, *rest = names
    node = bound(TREES[module].body).get(first)
    if node is None or not rest:
        return node is not None
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jointreg"):
        (origin,) = [alias.name for alias in node.names if (alias.asname or alias.name) == first]
        return leads(f"{node.module}.{origin}.{'.'.join(rest)}")
    return isinstance(node, ast.ClassDef) and is_member(module, node, rest)


def is_member(module, node, names):
    """Whether `names` lead on from a class: its own, set on `self`, or of a base."""
    first, *rest = names
    own = bound(node.body).get(first)
    if isinstance(own, ast.AnnAssign) and rest:
        return any(exists(module, [*kind, *rest]) for kind in types(own.annotation))
    on_self = {
        part.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "self"
    }
    if not rest and (own is not None or first in on_self):
        return True
    return any(exists(module, [*kind, *names]) for base in node.bases for kind in types(base))


def types(annotation):
    """Dotted names in an annotation, split: `config.Dataset | None` gives config, Dataset."""
    text = ast.unparse(annotation).replace("'", "").replace('"', "")
    return [name.split(".") for name in re.findall(r"[A-Za-z_][\w.]*", text)]


def leads(name):
    """Whether a name beginning with `jointreg.` or a module of ours leads to something."""
    parts = name.removeprefix("jointreg.").split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in TREES:
            return exists(".".join(parts[:length]), parts[length:])
    return False


def is_key(parts):
    """Whether a dotted name is a key of a configuration."""
    return any(exists(module, [root, *parts]) for module, root in SETTINGS.items())


def is_of_an_argument(module, parts):
    """Whether a function of the module has an argument of that name whose class has such a member."""
    arguments = [part for part in ast.walk(TREES[module]) if isinstance(part, ast.arg)]
    return any(
        exists(module, [*kind, *parts[1:]])
        for argument in arguments
        if argument.arg == parts[0] and argument.annotation is not None
        for kind in types(argument.annotation)
    )


def resolves(name, module):
    """Whether a dotted name in a docstring of `module` leads to something."""
    parts = name.split(".")
    return (
        leads(name)
        or exists(module, parts)
        or is_key(parts)
        or is_of_an_argument(module, parts)
        or parts[-1] in ENDINGS
        or parts[0] in FOREIGN
    )


def is_text(statement):
    """Whether a statement is a string on its own."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def of_nothing(tree):
    """Lines of strings that stand neither at the head of a definition nor behind an assignment."""
    for node in ast.walk(tree):
        for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            before = node
            for statement in block if isinstance(block, list) else ():
                head = before is node and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                value = isinstance(before, ast.Assign | ast.AnnAssign | ast.AugAssign)
                if is_text(statement) and not head and not value:
                    yield statement.lineno
                before = statement


def test_every_name_in_a_docstring_exists():
    texts = [
        (module, node.lineno, node.value.value)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if is_text(node)
    ]
    names = [(module, line, name) for module, line, text in texts for name in DOTTED.findall(text)]
    assert len(names) > 100
    unresolved = [
        f"{module}:{line}: {name}" for module, line, name in names if not resolves(name, module)
    ]
    assert not unresolved, "\n".join(unresolved)


def test_scripts_name_modules_that_exist():
    scripts = sorted((ROOT / "workflow/scripts").glob("*.py"))
    heads = {path.name: ast.get_docstring(ast.parse(path.read_text())) or "" for path in scripts}
    names = [(script, name) for script, head in heads.items() for name in OURS.findall(head)]
    assert len(names) > 20
    assert not [f"{script}: {name}" for script, name in names if not leads(name)]


def test_every_string_on_its_own_describes_something():
    lines = [f"{module}:{line}" for module, tree in TREES.items() for line in of_nothing(tree)]
    assert not lines, "\n".join(lines)


def test_names_that_moved_are_noticed():
    """One of each kind of name, right and wrong."""
    for name in (
        "stores.FRAMES",
        "jointreg.config.load",
        "body.model.Body.vertices",
        "optimize.backend",
    ):
        assert resolves(name, "errors"), name
    for name in ("settings.root", "config.Dataset.root", "OfficialTree.root", "metadata.xml"):
        assert resolves(name, "datasets.human36m.tree"), name
    for name in ("stores.FRAME", "jointreg.configs.load", "body.model.Body.edges", "optimize.backends"):
        assert not resolves(name, "errors"), name
    for name in ("settings.roots", "config.Dataset.roots", "Human36M.roots", "table_text.sentence"):
        assert not resolves(name, "datasets.human36m.files"), name


def test_a_string_of_nothing_is_noticed():
    source = '"""Module."""\nimport os\n"""Nothing."""\nA = 1\n"""A."""\n"""Nothing."""\n'
    source += 'def f():\n    """F."""\n    if A:\n        """Nothing."""\n'
    assert list(of_nothing(ast.parse(source))) == [3, 6, 10]
