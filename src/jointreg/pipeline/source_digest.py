"""Digest of the code behind a rule, cut at the level of functions.

Snakemake watches a script, not what it imports. `source_digest` follows a script's names through the
package and hashes the definitions it can reach, and only those: an edited loss reruns `optimize`; a
new schema or a setting of another stage reruns nothing, and neither does an edited comment, docstring,
error message or description.

A definition counts by its content, not by its place: a module or a package that is renamed, parted or
joined reruns nothing. What the digest cannot follow is refused with a `SourceError`: relative imports,
star imports, imports by name at run time, a module's `__getattr__`, a name that is bound
twice, and names that are defined nowhere.
"""

import ast
import builtins
import functools
import hashlib
import symtable
from dataclasses import dataclass
from pathlib import Path

from jointreg.errors import SourceError

PACKAGE = Path(__file__).parents[1]
SEAM = ("jointreg.pipeline.job", "jointreg.progress")
"""Modules that change no number. The derivation of seeds is an exception, `SEEDS`."""
SEEDS = ("jointreg.provenance", "seed_for")
WHOLE = "*"
"""In place of a name: the module itself, passed around as an object."""
IMPORTERS = ("import_module", "__import__", "resolve_name", "run_module")
"""Functions that import a module whose name is a string."""
DYNAMIC = ("eval", "exec", "globals", *IMPORTERS)
"""Functions that use code or names that only the running program knows."""
OF_EVERY_MODULE = ("__name__", "__file__", "__doc__", "__path__")
ANYWHERE = {*dir(builtins), *OF_EVERY_MODULE, "snakemake"}
"""Names that need no definition; a script has `snakemake`."""

Target = tuple[str, str]
"""A module and a name in it."""


def source_digest(script: str | Path) -> str:
    """Digest of a script and of every definition in jointreg that it can reach.

    Conservative where Python is dynamic: a module that is passed around as an object counts whole,
    and so does every statement that runs when a module is imported.

    Args:
        script: a Python file.

    Raises:
        SourceError: an import or a name that cannot be followed.
    """
    statements = _Module("", Path(script)).statements
    # the script runs from top to bottom, so the order of its statements counts
    main = "\n".join(_piece(statement) for statement in statements)
    todo = [SEEDS]
    pieces: set[str] = set()
    reached: set[Target] = set()
    while True:
        pieces |= {_piece(statement) for statement in statements if statement.text}
        todo += [target for statement in statements for target in statement.targets]
        while todo and (todo[-1] in reached or todo[-1][0] in SEAM):
            todo.pop()
        if not todo:
            return hashlib.sha256("\n".join([main, *sorted(pieces)]).encode()).hexdigest()[:16]
        module, name = todo.pop()
        reached.add((module, name))
        statements = _load(module).defining(name)


@dataclass(frozen=True)
class _Statement:
    """One top-level statement."""

    names: tuple[str, ...]
    """Names that it binds."""
    runs: bool
    """Whether it may change more than these names: it counts with every name of its module."""
    text: str
    """Its syntax tree. A name of ours stands as in the module that defines it, without that module.
    Empty where a module only hands a name on."""
    targets: tuple[Target, ...]
    """Modules and names of ours that it mentions."""


class _Module:
    """Top-level statements of one file, and what its imports mean."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        text = path.read_text(encoding="utf-8")
        reader = _Reader(path)
        read = [reader.visit(node) for node in ast.parse(text).body]
        self.nodes = [single for node in read if node for single in _single_imports(node)]
        self.imports = reader.imports
        self.bound = {name for node in self.nodes for name in _names_bound(node)}
        twice = sorted(self.bound & set(self.imports))
        if twice:
            raise SourceError(f"{path}: {twice[0]} is imported and bound again", "use two names")
        _require_defined(path, text)

    @functools.cached_property
    def statements(self) -> list[_Statement]:
        """All of them, in their order."""
        read = []
        for node in self.nodes:
            names, canonical = tuple(_names_bound(node)), _Canonical(self)
            runs = _runs(node)
            text = ast.dump(canonical.visit(node))
            read.append(_Statement(names, runs, text, tuple(canonical.targets)))
        return read

    def defining(self, name: str) -> list[_Statement]:
        """Statements that bind `name`, and those that run whenever the module is imported.

        Raises:
            SourceError: the module neither defines nor imports it.
        """
        if name in self.imports and name not in self.bound:
            handed_on = [_Statement((name,), False, "", (self.imports[name],))]
        elif name == WHOLE:
            handed_on = [_Statement((), False, "", tuple(self.imports.values()))]
        elif name in self.bound or name in OF_EVERY_MODULE:
            handed_on = []
        else:
            raise SourceError(
                f"{self.name}.{name} is used, but {self.path} neither defines nor imports it",
                "correct the name, or define it there",
            )
        return handed_on + [s for s in self.statements if name in (WHOLE, *s.names) or s.runs]

    def meaning(self, node: ast.AST) -> Target | None:
        """Module and name that an expression stands for, if it is one of ours."""
        if isinstance(node, ast.Name):
            if node.id in self.imports:
                return self.imports[node.id]
            return (self.name, node.id) if self.name and node.id in self.bound else None
        if isinstance(node, ast.Attribute):
            of = self.imports.get(_dotted(node.value)) or self.meaning(node.value)
            return _member(of[0], node.attr) if of and of[1] == WHOLE else None
        return None


class _Canonical(ast.NodeTransformer):
    """Writes names of ours as in the module that defines them, and lists them."""

    def __init__(self, module: _Module) -> None:
        self.module = module
        self.targets: list[Target] = []

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._written(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._written(node)

    def _written(self, node: ast.AST) -> ast.AST:
        target = self.module.meaning(node)
        if target is None:
            return self.generic_visit(node)
        self.targets.append(target)
        return ast.Name(id=_origin(*target)[1])


@functools.cache
def _piece(statement: _Statement) -> str:
    """A statement's content with that of the names it mentions, in order, so that namesakes differ."""
    mentioned = [_content(*_origin(*target)) for target in statement.targets]
    return f"{statement.text} {mentioned}"


@functools.cache
def _content(module: str, name: str) -> str:
    if module in SEAM:
        return name
    texts = [s.text for s in _load(module).statements if name in (WHOLE, *s.names)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _origin(module: str, name: str) -> Target:
    """Module and name where a name that modules hand on is defined."""
    loaded = _load(module)
    if name in loaded.imports and name not in loaded.bound:
        return _origin(*loaded.imports[name])
    return module, name


def _member(module: str, name: str) -> Target:
    return (f"{module}.{name}", WHOLE) if _path(f"{module}.{name}") else (module, name)


@functools.cache
def _load(module: str) -> _Module:
    path = _path(module)
    if path is None:
        raise SourceError(f"{module} is imported, and no module of {PACKAGE}", "correct the import")
    return _Module(module, path)


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
        return _is_ours(node.module)
    return isinstance(node, ast.Import) and all(_is_ours(alias.name) for alias in node.names)


def _single_imports(node: ast.AST) -> list[ast.AST]:
    """An import of several names as one import a name; anything else as it is."""
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], 0) for alias in node.names]
    return [ast.Import([alias]) for alias in node.names] if isinstance(node, ast.Import) else [node]


def _is_ours(module: str | None) -> bool:
    return (module or "").split(".")[0] == PACKAGE.name


def _names_bound(node: ast.AST) -> list[str]:
    """Names of its module that a statement binds, also in its branches."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
        return []
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, ast.Store) else []
    inner = [name for child in ast.iter_child_nodes(node) for name in _names_bound(child)]
    named = getattr(node, "name", None)  # except ... as name, case name
    return [*inner, named] if isinstance(named, str) else inner


def _runs(node: ast.AST) -> bool:
    """Whether a statement may do more than bind names: neither a definition nor a plain assignment."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    if isinstance(node, ast.Assign):
        places = [place for target in node.targets for place in getattr(target, "elts", [target])]
        return not all(isinstance(place, ast.Name) for place in places)
    return not isinstance(node, ast.Import | ast.ImportFrom | ast.AnnAssign)


def _require_defined(path: Path, text: str) -> None:
    """Refuse a name that neither its module nor Python defines."""
    top = symtable.symtable(text, str(path), "exec")
    tables, names = [top], set(ANYWHERE)
    for table in tables:
        tables += table.get_children()
        for symbol in table.get_symbols():
            at_top = table is top or symbol.is_declared_global()
            if at_top and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
                names.add(symbol.get_name())
    for table in tables:
        for symbol in table.get_symbols():
            if symbol.is_referenced() and symbol.is_global() and symbol.get_name() not in names:
                raise SourceError(
                    f"{path}: {symbol.get_name()} is used in {table.get_name()}, and the module neither "
                    "defines nor imports it",
                    "correct the name, or define it there",
                )


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


class _Reader(ast.NodeTransformer):
    """Collects our imports, refuses what cannot be followed, and takes out docstrings and messages."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.imports: dict[str, Target] = {}
        """Names bound to something of ours."""

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        for alias in node.names:
            if _is_ours(alias.name):
                self._bind(node, alias.asname or alias.name, (alias.name, WHOLE))
        return None if _imports_ours(node) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        if node.level or any(alias.name in ("*", *IMPORTERS) for alias in node.names):
            self._refuse(node, ast.unparse(node))
        if not _is_ours(node.module):
            return node
        for alias in node.names:
            self._bind(node, alias.asname or alias.name, _member(node.module or "", alias.name))
        return None

    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        return None if _dotted(node.test).endswith("TYPE_CHECKING") else node  # it never runs

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _dotted(node.func).split(".")[-1] in IMPORTERS:
            module = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if not isinstance(module, str) or module.startswith(".") or _is_ours(module):
                self._refuse(node, ast.unparse(node))
            return node
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in DYNAMIC:
            self._refuse(node, node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr in IMPORTERS:
            self._refuse(node, ast.unparse(node))
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name == "__getattr__" and node.col_offset == 0:
            self._refuse(node, "def __getattr__")
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return ast.Raise(exc=error)  # its type is caught elsewhere; its words are for people

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        words = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if node.arg in ("description", "about") and words else self.generic_visit(node)

    def _bind(self, node: ast.stmt, name: str, target: Target) -> None:
        if self.imports.setdefault(name, target) != target:
            raise SourceError(
                f"{self.path}, line {node.lineno}: {name} is imported from two places, so that "
                "it does not show which one is used",
                "use two names: import ... as ...",
            )

    def _refuse(self, node: ast.stmt | ast.expr, written: str) -> None:
        raise SourceError(
            f"{self.path}, line {node.lineno}: `{written}` hides which code is used: an edit of "
            "that code would rerun nothing",
            "import every name in full: from jointreg.package.module import name",
        )
