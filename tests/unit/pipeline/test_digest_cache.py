"""A digest is computed once, and again as soon as a source is another one."""

import json

import pytest

from jointreg.pipeline import digest_cache, source_digest

TEXT = "from jointreg.losses import loss\nprint(loss(2))\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package `jointreg` of its own, read anew after every edit."""
    folder = tmp_path / "jointreg"
    folder.mkdir()
    for module in (digest_cache, source_digest):
        monkeypatch.setattr(module, "PACKAGE", folder)

    def edit(name, text):
        (folder / name).write_text(text)
        for cached in (
            *(source_digest._load, source_digest._piece, source_digest._content),
            digest_cache._package,
        ):
            cached.cache_clear()

    edit("losses.py", "def loss(x):\n    return x * x\n")
    edit("provenance.py", "def seed_for(seed):\n    return seed\n")
    return edit


def test_the_digest_of_the_cache_is_that_of_the_sources(package, tmp_path):
    script, cache = tmp_path / "script.py", tmp_path / "folder" / "digests.json"

    def digest():
        digest = digest_cache.cached_digest(script, cache)
        assert digest == source_digest.source_digest(script)
        assert digest_cache.cached_digest(script, cache) == digest
        return digest

    script.write_text(TEXT)
    first = digest()
    package("losses.py", "def loss(x):\n    return x * x * x\n")
    second = digest()
    script.write_text(TEXT + "print(1)\n")
    third = digest()
    package("other.py", "")
    assert len({first, second, third, digest()}) == 3
    assert len(json.loads(cache.read_text())) == 4
    package("losses.py", "def loss(x):\n    return x * x\n")
    script.write_text(TEXT)
    assert digest() == first


def test_the_cache_is_read_and_stays_small(package, tmp_path, monkeypatch):
    monkeypatch.setattr(digest_cache, "ENTRIES", 2)
    script, cache = tmp_path / "script.py", tmp_path / "digests.json"
    for number in range(3):
        script.write_text(f"{TEXT}print({number})\n")
        digest_cache.cached_digest(script, cache)
    digests = json.loads(cache.read_text())
    assert len(digests) == 2
    cache.write_text(json.dumps(dict.fromkeys(digests, "planted")))
    assert digest_cache.cached_digest(script, cache) == "planted"


@pytest.mark.parametrize("content", ["", "[1]", '{"half": '])
def test_a_damaged_cache_is_written_anew(package, tmp_path, content):
    script, cache = tmp_path / "script.py", tmp_path / "digests.json"
    script.write_text(TEXT)
    cache.write_text(content)
    digest = digest_cache.cached_digest(script, cache)
    assert digest == source_digest.source_digest(script)
    assert list(json.loads(cache.read_text()).values()) == [digest]


def test_a_folder_that_cannot_be_written_to_costs_only_time(package, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(TEXT)
    (tmp_path / "file").write_text("")
    digest = digest_cache.cached_digest(script, tmp_path / "file" / "digests.json")
    assert digest == source_digest.source_digest(script)
