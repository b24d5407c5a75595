#!/bin/sh
# A C3D parameter has room for 255 names. The names of further markers stand in POINT:LABELS2, LABELS3 and so on.
# ezc3d writes such a file by itself; but what it and c3d call the labels are the first 255 names only, beside 300
# points a frame. Code that pairs the labels with the points loses the other 45 markers, without a word.
#
# Seen with ezc3d 1.7.2, c3d 0.6.0 and numpy 2.4.6:
#   written: 300 points with 300 labels; ezc3d: 300 points, 255 labels; c3d: 300 points, 255 labels;
#   LABELS2 has 45 names
# Ends with status 1 if one of them gives another number of labels. Needs Python 3.11 or later and a package index.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check ezc3d==1.7.2 c3d==0.6.0 numpy==2.4.6
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import sys

import c3d
import ezc3d
import numpy as np

names = [f"V{number:04d}" for number in range(300)]
file = ezc3d.c3d()
file["parameters"]["POINT"]["RATE"]["value"] = [50]
file["parameters"]["POINT"]["UNITS"]["value"] = ("m",)
file["parameters"]["POINT"]["LABELS"]["value"] = tuple(names)
points = np.ones((4, 300, 5))
points[:3] = np.random.default_rng(0).uniform(-1, 1, (3, 300, 5))
file["data"]["points"] = points
file.write("markers.c3d")

read = ezc3d.c3d("markers.c3d")
labels = read["parameters"]["POINT"]["LABELS"]["value"]
further = read["parameters"]["POINT"]["LABELS2"]["value"]
with open("markers.c3d", "rb") as stream:
    reader = c3d.Reader(stream)
    frames = [frame.shape[0] for _, frame, _ in reader.read_frames()]
    labels_of_c3d = [label.strip() for label in reader.point_labels]
print(f"ezc3d: {read['data']['points'].shape[1]} points, {len(labels)} labels")
print(f"c3d: {frames[0]} points, {len(labels_of_c3d)} labels")
print(f"LABELS2 has {len(further)} names")
if read["data"]["points"].shape[1] != 300 or frames != [300] * 5:
    sys.exit("changed: points were lost")
if labels != names[:255] or labels_of_c3d != names[:255] or further != names[255:]:
    sys.exit("changed: not the behaviour described above")
print("as described")
PYTHON
