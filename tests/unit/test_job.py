"""Progress: plain lines for a log, a bar for a terminal; what a job took."""

import io
import re
import subprocess
import sys
import time

from jointreg import job


class Terminal(io.StringIO):
    """Text that was written to a terminal."""

    def isatty(self):
        return True


def test_a_log_has_plain_lines_with_rate_and_time_left(capsys):
    show = job.report("frames", seconds=0.05)
    for done in range(1, 21):
        time.sleep(0.01)
        show(done, 20)
    lines = capsys.readouterr().out.splitlines()
    assert 3 <= len(lines) <= 7
    assert all(re.fullmatch(r"frames: \d+/20, [\d.]+/s, \d+ s left", line) for line in lines[:-1])
    assert re.fullmatch(r"frames: 20/20, [\d.]+/s, in 0\.[2-9] s", lines[-1])
    rate = float(lines[-1].split(", ")[1].removesuffix("/s"))
    assert 20 < rate <= 100  # 20 frames, 10 ms each at the least


def test_a_terminal_has_a_bar_that_is_gone_at_the_end(capsys, monkeypatch):
    terminal, clock = Terminal(), iter(range(100))
    monkeypatch.setattr(job, "_TERMINAL", terminal)
    monkeypatch.setattr(job, "_NAME", "optimize full S1 Walking " + "x" * 200)
    monkeypatch.setattr(job.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setenv("COLUMNS", "80")
    show = job.report("frames", seconds=4)
    for done in range(1, 11):  # one a second
        show(done, 10)
    drawn = [line for line in terminal.getvalue().split("\r") if line]
    assert len(drawn) == 9  # not in the first second
    assert all(len(line) == 79 for line in drawn)
    assert drawn[3].startswith(
        "[############............] frames: 5/10, 1/s, 5 s left  optimize full S1"
    )
    assert drawn[-1].isspace()
    log = capsys.readouterr().out.splitlines()
    assert log[-1] == "frames: 10/10, 1/s, in 10.0 s"
    assert all(line.startswith("frames: ") for line in log)


def test_a_quick_job_draws_nothing(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(job, "_TERMINAL", terminal)
    assert list(job.progress([3, 1, 2], "things")) == [3, 1, 2]
    assert not terminal.getvalue()
    assert "things: 3/3" in capsys.readouterr().out


def test_the_log_says_how_much_memory_a_job_took():
    """300 MB that are written to show, and no more than an interpreter with numpy beside them."""
    code = (
        "from jointreg.job import _report_cost, np; a = np.ones(300 * 2**17); del a; _report_cost(0.0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (memory,) = re.findall(r"^memory (\d+) MB at most$", done.stdout, re.MULTILINE)
    assert 300 < int(memory) < 450
