#!/bin/sh
# A C3D of a trial that begins late in a recording has the number of its first frame in TRIAL:ACTUAL_START_FIELD, two
# words of 16 bits. The package c3d multiplies the second word by 65535 in place of 65536 (of the last frame it does
# not). So a trial that begins after frame 65,535 has one frame more for it: what follows the last frame in the file,
# here the zeros that fill its block. Code that trusts the reader's frames gets one more row, with all markers at the
# origin and residuals of a valid marker.
#
# Seen with c3d 0.6.0 and numpy 2.4.6:
#   begins at 101: 20 frames written, 20 read; begins at 70000: 20 written, 21 read, the last at (0, 0, 0), residual 0
# Ends with status 1 if as many frames are read as were written. Needs Python 3.11 or later and a package index.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check c3d==0.6.0 numpy==2.4.6
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import io
import sys

import c3d
import numpy as np

counts, words = [], []
for first in (101, 70_000):
    writer = c3d.Writer(point_rate=100, point_scale=-1.0, point_units="mm")
    point = np.array([[1.0, 2.0, 3.0, 0.0, 0.0]] * 7, dtype=np.float32)
    writer.add_frames([(point, np.zeros((0, 0)))] * 20)
    writer.set_point_labels([f"M{k}" for k in range(7)])
    writer.set_start_frame(first)
    file = io.BytesIO()
    writer.write(file)
    file.seek(0)
    frames = list(c3d.Reader(file).read_frames())
    counts.append(len(frames))
    words.append(f"begins at {first}: 20 written, {len(frames)} read, the last at {frames[-1][1][0, :4].tolist()}")
print("; ".join(words))
sys.exit(0 if counts == [20, 21] else 1)
PYTHON
