"""Identity of the code behind a rule, cut at the level of functions.

Snakemake watches a script, not what it imports. `source_digest` follows a script's names through the
package and hashes the definitions it can reach, and only those: an edited loss reruns `optimize`, a
new schema or setting of another stage reruns nothing, and neither does an edited comment, docstring,
error message or description.
"""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent
SEAM = "jointreg.job"
"""Logging and files; of it only the derivation of seeds can change a number."""
SEEDS = ("jointreg.provenance", "seed_for")


def source_digest(script: str | Path) -> str:
    """Digest of a script and of every definition in jointreg that it can reach.

    Conservative where Python is dynamic: a module that is passed around as an object counts whole,
    and so does anything whose name is bound at the top of a module.
    """
    main = _Module(Path(script).read_text())
    pieces = {f"{index}": ast.dump(node) for index, node in enumerate(main.statements)}
    todo = [SEEDS] + [found for node in main.statements for found in main.references(node)]
    seen: set[tuple[str, str]] = set()
    while todo:
        target = todo.pop()
        module, name = target
        if target in seen or module == SEAM:
            continue
        seen.add(target)
        found, further = _load(module).follow(name, module)
        pieces |= found
        todo += further
    text = "\n".join(f"{key}={pieces[key]}" for key in sorted(pieces))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Module:
    """Top-level statements of one file, the names they bind, and what its imports mean."""

    def __init__(self, text: str) -> None:
        tree = ast.parse(text)
        self.statements = [
            _without_words(node)
            for node in tree.body
            if not _imports_ours(node)
            and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        ]
        self.imports: dict[str, tuple[str, str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if _path(alias.name):
                        self.imports[alias.asname or alias.name] = (alias.name, "*")
            elif isinstance(node, ast.ImportFrom) and node.module and _path(node.module):
                for alias in node.names:
                    submodule = f"{node.module}.{alias.name}"
                    self.imports[alias.asname or alias.name] = (
                        (submodule, "*") if _path(submodule) else (node.module, alias.name)
                    )
        self.followed: dict[str, tuple[dict[str, str], list[tuple[str, str]]]] = {}
        self.bound: dict[str, list[ast.AST]] = {}
        self.running: list[ast.AST] = []
        for node in self.statements:
            names = _names_bound(node)
            for name in names:
                self.bound.setdefault(name, []).append(node)
            if not names:
                self.running.append(node)

    def defining(self, name: str) -> list[ast.AST]:
        """Statements that bind `name`, and those that run whenever the module is imported."""
        return self.bound.get(name, []) + self.running

    def follow(self, name: str, module: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """What `name` is here, by place, and the (module, name) that it leads to: worked out once."""
        if name not in self.followed:
            pieces = {f"{module}:{name}:{k}": ast.dump(n) for k, n in enumerate(self.defining(name))}
            leads = [found for node in self.defining(name) for found in self.references(node, module)]
            if name == "*":
                leads += [(module, bound) for bound in self.bound]
            if name in self.imports and name not in self.bound:
                leads.append(self.imports[name])  # handed on from the module that defines it
            self.followed[name] = pieces, leads
        return self.followed[name]

    def references(self, node: ast.AST, module: str | None = None) -> list[tuple[str, str]]:
        """(module, name) of everything of ours that `node` mentions."""
        found = []
        children = list(ast.walk(node))
        for child in children:
            if isinstance(child, ast.Attribute):
                dotted = _dotted(child.value)
                if dotted in self.imports and self.imports[dotted][1] == "*":
                    found.append((self.imports[dotted][0], child.attr))
            elif isinstance(child, ast.Name):
                target = self.imports.get(child.id)
                if target and target[1] != "*":
                    found.append(target)
                elif module and child.id in self.bound:
                    found.append((module, child.id))
        # A module that appears outside `module.name` is an object like any other.
        attributes = {id(child.value) for child in children if isinstance(child, ast.Attribute)}
        for child in children:
            if isinstance(child, ast.Name) and id(child) not in attributes:
                target = self.imports.get(child.id)
                if target and target[1] == "*":
                    found.append(target)
        return found


@functools.cache
def _load(module: str) -> _Module:
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"no module {module} in {PACKAGE}")
    return _Module(path.read_text())


def _path(module: str) -> Path | None:
    first, *parts = module.split(".")
    if first != PACKAGE.name:
        return None
    base = PACKAGE.joinpath(*parts)
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _imports_ours(node: ast.AST) -> bool:
    """Imports of jointreg are followed; another library's import is code that binds a name."""
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] == PACKAGE.name
    return isinstance(node, ast.Import) and all(
        alias.name.split(".")[0] == PACKAGE.name for alias in node.names
    )


def _names_bound(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    return [
        child.id
        for child in ast.walk(node)
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)
    ]


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


def _without_words(node: ast.AST) -> ast.AST:
    """The node without docstrings, error messages and descriptions: words for people only."""
    return _Wordless().visit(node)


class _Wordless(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Raise()

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        return None if node.arg in ("description", "about") else self.generic_visit(node)
