"""An edit reruns the rules whose code it reaches, and no others."""

import textwrap

import pytest

from jointreg import source


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
        (folder / name).write_text(textwrap.dedent(text))
        source._load.cache_clear()

    for name, text in files.items():
        write(name, text)

    def edit(name, old, new):
        text = (folder / name).read_text()
        assert old in text
        write(name, text.replace(old, new))

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
