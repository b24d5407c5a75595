"""Progress: plain lines in a log, a bar on a terminal."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time

from jointreg import progress


def test_a_log_has_plain_lines_with_rate_and_time_left(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.05)
    show = progress.report("frames")
    for done in range(1, 21):
        time.sleep(0.01)
        show(done, 20)
    lines = capsys.readouterr().out.splitlines()
    assert 3 <= len(lines) <= 7
    assert all(re.fullmatch(r"frames: \d+/20 \[00:00<00:0\d, [ \d.]+/s\]", line) for line in lines)
    assert lines[-1].startswith("frames: 20/20 [00:00<00:00")
    rate = float(lines[-1].split(", ")[1].removesuffix("/s]"))
    assert 20 < rate <= 100  # 20 frames, 10 ms each at the least, the first one counted


def test_a_long_job_reports_at_most_every_ten_seconds():
    assert progress.LINE_EVERY_S == 10


JOB = """
import time
from jointreg import progress
progress.LINE_EVERY_S = progress.BAR_EVERY_S = 0.1
progress.BAR_AFTER_S = 0.2
progress.name_job("optimize full S1 Walking")
for _ in progress.progress(range(40), "frames"):
    time.sleep(0.02)
"""


def test_a_terminal_has_a_bar_that_is_gone_at_the_end():
    """Standard output is a file, as in a job; standard error is a terminal 80 columns wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    done = subprocess.run([sys.executable, "-c", JOB], stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    drawn = os.read(ours, 2**16).decode()
    os.close(ours)
    lines = done.stdout.splitlines()
    assert lines and all(re.fullmatch(r"frames: \d+/40 \[.*/s\]", line) for line in lines)
    assert "\n" not in drawn  # one line, drawn over
    bars = [part for part in drawn.split("\r") if part.strip()]
    assert len(bars) > 2 and all(len(bar) <= 80 for bar in bars)
    assert all(bar.startswith("frames:") and bar.endswith("S1 Walking]") for bar in bars)
    assert drawn.split("\r")[-2].isspace()


def test_a_quick_job_draws_nothing(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(progress, "_terminal", terminal)
    assert list(progress.progress([3, 1, 2], "things")) == [3, 1, 2]
    assert not terminal.getvalue().strip()
    assert "things: 3/3" in capsys.readouterr().out
