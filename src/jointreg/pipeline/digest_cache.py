"""Source digests that an earlier plan computed, kept beside the byte code of the package.

Every call of Snakemake asks for the digest of every script. To compute them, the whole package is read:
seconds, more than the rest of the plan takes. They change with the sources and with nothing else.
"""

import contextlib
import functools
import hashlib
import json
import sys
from pathlib import Path

from jointreg.files.atomic import replace_file
from jointreg.pipeline.source_digest import PACKAGE, source_digest

CACHE = PACKAGE / "__pycache__" / "source_digests.json"
ENTRIES = 400
"""The newest that are kept: some ten states of the package."""


def cached_digest(script: Path, cache: Path = CACHE) -> str:
    """`source_digest` of a script, computed once for each state of the script and of the package.

    Args:
        script: a Python file.
        cache: the file of digests. A folder that cannot be written to costs time and nothing else.

    Raises:
        SourceError: an import or a name that cannot be followed.
    """
    state = hashlib.sha256(_package(PACKAGE) + script.read_bytes()).hexdigest()
    if state not in (digests := _read(cache)):
        digests[state] = source_digest(script)
        newest = dict(list(digests.items())[-ENTRIES:])
        with contextlib.suppress(OSError):
            replace_file(cache, json.dumps(newest, indent=0).encode())
    return digests[state]


@functools.cache
def _package(package: Path) -> bytes:
    """Digest of the names and contents of all modules. Another Python writes syntax trees otherwise."""
    whole = hashlib.sha256(sys.version.encode())
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        whole.update(f"\n{path.relative_to(package).as_posix()} {len(content)}\n".encode())
        whole.update(content)
    return whole.digest()


def _read(cache: Path) -> dict[str, str]:
    """The digests of a cache; none where it is missing or damaged."""
    with contextlib.suppress(OSError, ValueError):
        digests = json.loads(cache.read_text(encoding="utf-8"))
        if isinstance(digests, dict):
            return digests
    return {}
