"""`make test-inputs`: every damaged input, the totals as a table, and what is not GOOD."""

import argparse
import sys
import time
from collections import Counter

from inputs.kinds import CASES
from inputs.run import Result, run
from inputs.verdict import FAILURES, VERDICTS


def main() -> int:
    """Exit status: 1 if an input met a failure."""
    parser = argparse.ArgumentParser(prog="inputs", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the random damages (default: 0)")
    parser.add_argument("--only", default="", help="run the cases whose name contains this text")
    parser.add_argument("--every", type=int, default=1, help="run every n-th case")
    arguments = parser.parse_args()
    chosen = [case for case in CASES if arguments.only in case.name][:: arguments.every]
    results, began = [], time.monotonic()
    for result in run(chosen, arguments.seed):
        results.append(result)
        if len(results) % 50 == 0 or len(results) == len(chosen):
            print(f"{len(results)} of {len(chosen)}, {time.monotonic() - began:.0f} s", file=sys.stderr)
    for result in results:
        if result.verdict not in ("GOOD", "SILENT*"):
            text = " ".join(result.text.split())
            print(f"{result.verdict:9} {result.case.name}: {text[:300]}")
    print(f"\nSeed {arguments.seed}\n\n{totals(results)}")
    return int(any(result.verdict in FAILURES for result in results))


def totals(results: list[Result]) -> str:
    """Cases by kind and verdict, as a table in Markdown."""
    counts = Counter((result.case.original.kind, result.verdict) for result in results)
    kinds = list(dict.fromkeys(result.case.original.kind for result in results))
    used = [name for name in VERDICTS if name != "UNCHANGED" or any(v == name for _, v in counts)]
    lines = [("kind of file", "cases", *used), ("---", *(("---:",) * (len(used) + 1)))]
    for kind in [*kinds, "all"]:
        row = [sum(counts[k, name] for k in kinds if kind in (k, "all")) for name in used]
        lines.append((kind, str(sum(row)), *(str(number or "") for number in row)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
