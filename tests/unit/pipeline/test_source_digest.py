"""An edit reruns the rules whose code it reaches, and no others."""

import textwrap

import pytest

from jointreg.errors import SourceError
from jointreg.pipeline import source_digest as source


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package `jointreg` of its own, with a function to edit one of its files."""
    folder = tmp_path / "jointreg"
    folder.mkdir()
    files = {
        "__init__.py": "",
        "losses.py": '''
            """Losses."""
            import math
            from os import path

            from jointreg.units import SCALE

            def loss(x):
                """Square."""
                if x is None:
                    raise ValueError("no x")
                return math.fsum([helper(x) * SCALE])

            def helper(x):
                return x * x

            def unrelated(x):
                return x + 1
        ''',
        "units.py": "SCALE = 1000\nOTHER = 2\n",
        "lazy.py": "def late():\n    from jointreg.losses import loss\n    return loss(1)\n",
        "provenance.py": "def seed_for(seed):\n    return seed\n",
    }
    monkeypatch.setattr(source, "PACKAGE", folder)

    def write(name, text):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
        for cached in (source._load, source._piece, source._content):
            cached.cache_clear()

    for name, text in files.items():
        write(name, text)

    def edit(name, old, new):
        text = (folder / name).read_text()
        assert old in text
        write(name, text.replace(old, new))

    edit.write = write
    return tmp_path, edit


def test_names_that_a_module_hands_on_are_followed(package):
    folder, edit = package
    (folder / "jointreg" / "shop.py").write_text("from jointreg.losses import loss\n")
    text = "from jointreg.shop import loss\nprint(loss(2))\n"
    before = digest(folder, text)
    edit("losses.py", "return x * x", "return x * x * x")
    assert digest(folder, text) != before


def digest(folder, text="from jointreg.losses import loss\nprint(loss(2))\n"):
    script = folder / "script.py"
    script.write_text(text)
    return source.source_digest(script)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("losses.py", "x * x", "x * x * x"),
        ("units.py", "SCALE = 1000", "SCALE = 1"),
        ("losses.py", "if x is None", "if x is not None"),
        ("provenance.py", "return seed", "return seed + 1"),
        ("losses.py", "import math", "import cmath as math"),
    ],
)
def test_reached_code_counts(package, name, old, new):
    folder, edit = package
    before = digest(folder)
    edit(name, old, new)
    assert digest(folder) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("losses.py", "x + 1", "x + 2"),
        ("units.py", "OTHER = 2", "OTHER = 3"),
        ("losses.py", '"""Square."""', '"""The square."""'),
        ("losses.py", "return math", "# why\n    return math"),
        ("losses.py", '"no x"', '"x is missing"'),
        ("lazy.py", "loss(1)", "loss(2)"),
        ("losses.py", "from os import path", "from posixpath import join as path"),
    ],
)
def test_words_and_unreached_code_do_not_count(package, name, old, new):
    folder, edit = package
    before = digest(folder)
    edit(name, old, new)
    assert digest(folder) == before


@pytest.mark.parametrize(
    "script",
    [
        "from jointreg.lazy import late\nlate()\n",
        "from jointreg import losses\nlosses.loss(1)\n",
        "import jointreg.losses\njointreg.losses.loss(1)\n",
        "from jointreg import losses\nprint(losses)\n",
    ],
)
def test_every_way_of_importing_is_followed(package, script):
    folder, edit = package
    before = digest(folder, script)
    edit("losses.py", "x * x", "x * x * x")
    assert digest(folder, script) != before


def test_the_script_itself_counts_without_its_comments(package):
    folder, _ = package
    text = "from jointreg.losses import loss\nprint(loss(2))\n"
    assert digest(folder, text) == digest(folder, '"""Doc."""\n# note\n' + text)
    assert digest(folder, text) != digest(folder, text.replace("2", "3"))


@pytest.mark.parametrize("new", ["costs.py", "refine/costs.py"])
@pytest.mark.parametrize(
    "text",
    [
        "from jointreg.losses import loss\nprint(loss(2))\n",
        "from jointreg.losses import loss as cost\nprint(cost(2))\n",
        "import jointreg.losses\nprint(jointreg.losses.loss(2))\n",
        "from jointreg import losses\nprint(losses.loss(2))\n",
        "def late():\n    from jointreg.losses import loss\n    print(loss(2))\n",
    ],
)
def test_a_moved_module_keeps_its_digest_and_an_edit_there_still_shows(package, new, text):
    folder, edit = package
    before = digest(folder, text)
    losses = folder / "jointreg" / "losses.py"
    edit.write(new, losses.read_text())
    losses.unlink()
    module = new.removesuffix(".py").replace("/", ".")
    if "from jointreg import losses" in text:
        parent, _, name = f"jointreg.{module}".rpartition(".")
        text = text.replace("from jointreg import losses", f"from {parent} import {name} as losses")
    else:
        text = text.replace("jointreg.losses", f"jointreg.{module}")
    assert digest(folder, text) == before
    edit(new, "x * x", "x * x * x")
    assert digest(folder, text) != before


def test_a_parted_module_keeps_its_digest(package):
    """`helper` goes to a module of its own; `loss` imports it from there."""
    folder, edit = package
    before = digest(folder)
    part = "def helper(x):\n    return x * x\n"
    edit.write("parts.py", part)
    edit("losses.py", part, "")
    edit("losses.py", "from jointreg.units", "from jointreg.parts import helper\nfrom jointreg.units")
    assert digest(folder) == before
    edit("parts.py", "x * x", "x * x * x")
    assert digest(folder) != before


def test_namesakes_of_two_modules_are_told_apart(package):
    """Both are reached either way: which one is called is what differs."""
    folder, edit = package
    edit.write("a.py", "def scale(x):\n    return x\n\ndef other():\n    return scale(1)\n")
    edit.write("b.py", "def scale(x):\n    return 2 * x\n\ndef other():\n    return scale(1)\n")
    text = "from jointreg import a, b\na.other(), b.other()\ndef main():\n    return a.scale(3)\n"
    assert digest(folder, text) != digest(folder, text.replace("return a.scale", "return b.scale"))


@pytest.mark.parametrize(
    ("where", "line", "message"),
    [
        ("losses.py", "from .units import SCALE", "from .units import SCALE"),
        ("losses.py", "from . import units", "from . import units"),
        ("losses.py", "from jointreg.units import *", "from jointreg.units import *"),
        ("losses.py", "from math import *", "from math import *"),
        ("losses.py", "def __getattr__(name):\n    return 1", "def __getattr__"),
        (
            "losses.py",
            "import importlib\nunits = importlib.import_module('jointreg.units')",
            "import_module",
        ),
        ("losses.py", "import importlib\nunits = importlib.import_module(name)", "import_module"),
        ("losses.py", "units = __import__('jointreg.units')", "__import__"),
        ("losses.py", "from jointreg.units import SCAEL\nx = SCAEL", "jointreg.units.SCAEL"),
        ("losses.py", "from jointreg import units\nx = units.SCAEL", "jointreg.units.SCAEL"),
        ("losses.py", "from jointreg.unit import SCALE as S\nx = S", "jointreg.unit"),
        ("script", "from jointreg.losses import los\nlos(1)", "jointreg.losses.los"),
        ("script", "from jointreg import losses\nlosses.los(1)", "jointreg.losses.los"),
        ("script", "from jointreg.losses import *", "import *"),
        ("script", "import jointreg.loses\njointreg.loses.loss(1)", "jointreg.loses"),
    ],
)
def test_what_cannot_be_followed_is_refused(package, where, line, message):
    folder, edit = package
    text = "from jointreg.losses import loss\nprint(loss(2))\n"
    if where == "script":
        text += line + "\n"
    else:
        edit.write(where, (folder / "jointreg" / where).read_text() + "\n" + line + "\nprint(1)\n")
        if "x = " in line:
            text += "from jointreg.losses import x\nprint(x)\n"
    with pytest.raises(SourceError) as caught:
        digest(folder, text)
    assert message in str(caught.value)


def test_another_library_may_be_imported_by_name(package):
    folder, edit = package
    edit.write("units.py", "import importlib\nSCALE = importlib.import_module('math').pi\n")
    assert digest(folder)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("def late(x):\n    return hepler(x)", "hepler is used in late"),
        ("TABLE = {1: hepler}", "hepler is used"),
        ("class Loss:\n    def call(self):\n        return hepler(self)", "hepler is used in call"),
        ("from jointreg.lazy import late as loss", "loss is imported and bound again"),
        ("def a():\n    from jointreg.lazy import late as SCALE", "SCALE is imported from two places"),
        ("from importlib import import_module as load", "import_module"),
        ("import importlib\nload = importlib.import_module", "importlib.import_module"),
        ("x = globals()['loss']", "globals"),
        ("x = eval('loss')", "eval"),
    ],
)
def test_names_that_do_not_show_what_they_stand_for_are_refused(package, line, message):
    folder, edit = package
    edit.write("losses.py", (folder / "jointreg/losses.py").read_text() + f"\n{line}\n")
    with pytest.raises(SourceError) as caught:
        digest(folder)
    assert message in str(caught.value)


def test_what_every_module_and_every_scope_has_needs_no_definition(package):
    folder, edit = package
    edit.write(
        "units.py",
        "import sys\nHERE = __file__\n\ndef scale(x, *, y=1, **more):\n    global LAST\n    LAST = x\n"
        "    return [k * y for k in sorted(more) if (z := k) and z]\n\nclass A:\n    size = 3\n"
        "    def f(self):\n        return __class__, super().__init__, LAST\n\n"
        "try:\n    import numpy as np\nexcept ImportError as error:\n    np = error\n"
        "SCALE = len(sys.argv)\n",
    )
    assert digest(folder)


TWO = "from jointreg.a import f as p\nfrom jointreg.b import f as q\n"


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (TWO + "print(p(1) - q(1))\n", "p(1) - q(1)", "q(1) - p(1)"),
        ("from jointreg import a, b\nT = {1: a, 2: b}\nT[1].f(1)\n", "{1: a, 2: b}", "{1: b, 2: a}"),
        (TWO + "x = p(1)\nx = q(x)\nprint(x)\n", "x = p(1)\nx = q(x)", "x = q(1)\nx = p(x)"),
        ("from jointreg.a import f\nx = f(1)\nx = f(x)\n", "x = f(x)\n", ""),
    ],
)
def test_the_place_of_a_name_counts(package, text, old, new):
    folder, edit = package
    edit.write("a.py", "def f(x):\n    return x + 1\n")
    edit.write("b.py", "def f(x):\n    return x * 2\n")
    assert digest(folder, text) != digest(folder, text.replace(old, new))


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("TABLE = {}\nfor key in 'ab':\n    TABLE[key] = 3\n", "= 3", "= 4"),
        ("TABLE = {}\nTABLE.update({key: 3 for key in 'ab'})\n", ": 3", ": 4"),
        ("TABLE = {}\ncopy = TABLE['a'] = 3\n", "= 3", "= 4"),
        ("TABLE = {}\nif True:\n    other = 1\n    TABLE['a'] = 3\n", "= 3", "= 4"),
        (
            "def words():\n    return 3\n\ndef made(about):\n    return about\n"
            "TABLE = made(about=words())\n",
            "3",
            "4",
        ),
        (
            "def g():\n    raise KeyError('x')\n\ndef f():\n    try:\n        g()\n"
            "    except KeyError:\n        return 1\nTABLE = f\n",
            "raise KeyError",
            "raise ValueError",
        ),
        ("for kind in (1, 2):\n    def TABLE():\n        return 3\n", "3", "4"),
    ],
)
def test_statements_that_fill_a_name_count_with_it(package, code, old, new):
    folder, edit = package
    edit.write("a.py", code)
    text = "from jointreg.a import TABLE\nprint(TABLE)\n"
    before = digest(folder, text)
    edit("a.py", old, new)
    assert digest(folder, text) != before


def test_imports_for_types_only_do_not_count(package):
    folder, edit = package
    before = digest(folder)
    edit("losses.py", "import math", "import math\nfrom typing import TYPE_CHECKING\n"
         "if TYPE_CHECKING:\n    import pandas as pd\n    from jointreg.lazy import late")  # fmt: skip
    assert digest(folder) == before
