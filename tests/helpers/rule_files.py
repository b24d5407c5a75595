"""What the rule files import, read off their tokens: they are no Python, but are made of its tokens."""

import tokenize
from pathlib import Path

SPACE = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}


def rule_files(root: Path) -> list[Path]:
    """The Snakefile and every file of rules."""
    return [root / "Snakefile", *sorted((root / "workflow/rules").glob("*.smk"))]


def import_statements(path: Path) -> list[str]:
    """Every import statement of a rule file, each as one line of Python."""
    statements, words = [], []
    with path.open("rb") as stream:
        for token in tokenize.tokenize(stream.readline):
            if token.type == tokenize.NEWLINE:
                if words and words[0] in ("import", "from"):
                    statements.append(" ".join(words).replace(" . ", "."))
                words = []
            elif token.type not in SPACE | {tokenize.ENCODING}:
                words.append(token.string)
    return statements
