"""Changes of a tree that tests share. Each is undone when its block ends, also by a failure."""

import contextlib
import re

from rule_files import rule_files


@contextlib.contextmanager
def edited(folder, name, old, new):
    """One place of a file reads otherwise inside the block."""
    path = folder / name
    text = path.read_text()
    assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))
    try:
        yield
    finally:
        path.write_text(text)


@contextlib.contextmanager
def renamed(folder, module, name):
    """A module of the package has another name inside the block, and every import follows."""
    package, _, old = module.rpartition(".")
    source = folder.joinpath("src", *module.split(".")).with_suffix(".py")
    target = source.with_stem(name)
    texts = {path: path.read_text() for path in code(folder)}
    source.rename(target)
    try:
        for path, text in texts.items():
            new = re.sub(rf"(?m)^( *(?:from|import) ){module}\b", rf"\1{package}.{name}", text)
            new = re.sub(rf"(?m)^( *from {package} import .*)\b{old}\b", rf"\1{name} as {old}", new)
            if new != text:
                path.write_text(new)
        yield
    finally:
        target.rename(source)
        for path, text in texts.items():
            if path.read_text() != text:
                path.write_text(text)


def code(folder):
    """Every file of the project that can import one of its modules."""
    files = [*(folder / "src").rglob("*.py"), *(folder / "workflow/scripts").glob("*.py")]
    return [*files, *rule_files(folder)]


@contextlib.contextmanager
def replaced(path):
    """The block may write a file anew."""
    content = path.read_bytes()
    try:
        yield
    finally:
        path.write_bytes(content)


@contextlib.contextmanager
def missing(path):
    """A file is not there inside the block."""
    elsewhere = path.rename(path.with_name(f"{path.name}.away"))
    try:
        yield
    finally:
        elsewhere.rename(path)
