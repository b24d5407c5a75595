"""Progress of long work: plain lines in a log, and a bar on a terminal (tqdm)."""

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from tqdm import tqdm

LINE_EVERY_S = 10.0
BAR_EVERY_S = 0.5
BAR_AFTER_S = 1.5
"""Quick work draws no bar."""
LINE = "{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"

_terminal: TextIO = sys.stderr
"""Standard error as it was before a log took its place."""
_job = ""


def name_job(name: str) -> None:
    """Set the text behind every bar: rule and wildcards of the running job."""
    global _job
    _job = name


class _Bar(tqdm):
    """A bar on a terminal."""

    monitor_interval = 0  # no thread of its own
    disable: bool


class _Lines(_Bar):
    """The same as lines of a log, which nothing overwrites."""

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Print one line."""
        self.fp.write(f"{msg or self}\n")
        self.fp.flush()
        return True

    def close(self) -> None:
        """Print the last line."""
        if not self.disable:
            self.disable = True
            self.display()


def report(label: str) -> Callable[[int, int], None]:
    """A function to call with (done, total): prints how many are done, their rate and the time left.

    Standard output, which is a job's log, gets a line every `LINE_EVERY_S` and one at the end. On a
    terminal a bar is also shown after `BAR_AFTER_S`. Parallel jobs share one line and overwrite each
    other's bar.

    Args:
        label: what is counted, as "frames".
    """
    bars: list[_Bar] = []
    begin = time.time()

    def show(done: int, total: int) -> None:
        if not bars:
            counted = {"desc": label, "total": total, "unit": "", "smoothing": 0, "bar_format": LINE}
            lines = _Lines(**counted, file=sys.stdout, mininterval=LINE_EVERY_S, delay=LINE_EVERY_S)
            bar = _Bar(
                **counted | {"bar_format": BAR, "postfix": _job},
                file=_terminal,
                mininterval=BAR_EVERY_S,
                delay=BAR_AFTER_S,
                leave=False,
                position=0,
                dynamic_ncols=True,
                disable=not _terminal.isatty(),
            )
            bars.extend([lines, bar])
            for made in bars:
                made.start_t = begin  # the first of `total` took time, too
        for made in bars:
            made.update(done - made.n)
            if done >= total:
                made.close()

    return show


def counter(label: str, total: int) -> Callable[[], None]:
    """A function to call once for each of `total` things: `report` for a count by ones."""
    show, done = report(label), itertools.count(1)
    return lambda: show(next(done), total)


def progress(items: Any, label: str) -> Iterator[Any]:
    """Pass `items`, which have a length, through and `report` on them."""
    show = report(label)
    for done, item in enumerate(items, start=1):
        yield item
        show(done, len(items))
