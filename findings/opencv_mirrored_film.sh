#!/bin/sh
# A film whose header mirrors it (display matrix -1 0 0 1, as front cameras write) is valid MP4. FFmpeg's
# command line shows it mirrored. OpenCV's VideoCapture and PyAV's `frame.rotation` take the mirror for a
# half turn: the picture stands on its head, without a word.
#
# Seen with opencv-python-headless 5.0.0.93, av 18.1.0 and FFmpeg 7.0.2 (imageio-ffmpeg 0.6.0):
#   ffmpeg mirrors, OpenCV turns by 180 degrees, av says -180
# Ends with status 1 if any of the three behaves otherwise. Needs Python 3.11 or later and a package index.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet numpy==2.4.6 av==18.1.0 opencv-python-headless==5.0.0.93 imageio-ffmpeg==0.6.0
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import struct
import subprocess
import sys

import av
import cv2
import imageio_ffmpeg
import numpy as np

ONE = 1 << 16
picture = np.zeros((48, 64, 3), np.uint8)
picture[:16, :16] = 255  # a white square, above left
with av.open("plain.mp4", "w") as container:
    stream = container.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for _ in range(3):
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode())
raw = open("plain.mp4", "rb").read()
plain = struct.pack(">9i", ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
mirror = struct.pack(">9i", -ONE, 0, 0, 0, ONE, 0, 64 * ONE, 0, 1 << 30)
at = raw.index(plain, raw.index(b"tkhd"))
open("mirrored.mp4", "wb").write(raw[:at] + mirror + raw[at + 36 :])


def corner(image):
    """Which corner the white square is in."""
    grey = image.reshape(48, 64, 3).mean(axis=2)
    parts = {"above": grey[:16], "below": grey[-16:]}
    sides = {f"{row} {side}": part[:, s].mean() for row, part in parts.items()
             for side, s in (("left", slice(16)), ("right", slice(-16, None)))}
    return max(sides, key=sides.get)


command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "mirrored.mp4", "-frames:v", "1"]
command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
shown = subprocess.run(command, capture_output=True, check=True).stdout
seen = {"ffmpeg": corner(np.frombuffer(shown, np.uint8))}
seen["opencv"] = corner(cv2.VideoCapture("mirrored.mp4").read()[1])
with av.open("mirrored.mp4") as container:
    seen["av rotation"] = next(container.decode(video=0)).rotation
print(f"stored: above left; shown by ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}, opencv {cv2.__version__},"
      f" av {av.__version__}: {seen}")
wanted = {"ffmpeg": "above right", "opencv": "below right", "av rotation": -180}
sys.exit(0 if seen == wanted else 1)
PYTHON
