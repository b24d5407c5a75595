"""What a lossy codec of crops would save, and what it would move: `python benchmarks/lossy_crops.py`.

Needs a finished `make demo-lab`: its person masks are the one result that is read off stored crops by a
real network. Crops pass through JPEG at several qualities and are segmented again. CPU time of one core.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import yaml

from jointreg import stores
from jointreg.labels.landmarker import Landmarker, segment_crops
from jointreg.segmentation.quality import mask_quality


def through_jpeg(crops: np.ndarray, quality: int) -> tuple[np.ndarray, float]:
    """Crops (N, H, W, 3) uint8 RGB, coded and decoded; bytes a crop."""
    coded = [
        cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for crop in crops
    ]
    decoded = np.stack([cv2.imdecode(one, cv2.IMREAD_COLOR)[..., ::-1] for one in coded])
    return decoded, float(np.mean([len(one) for one in coded]))


def main() -> None:
    """Print a row for every quality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results/lab"))
    parser.add_argument("--frames", type=int, default=96)
    options = parser.parse_args()
    path = next(iter(sorted(options.results.glob("prepare/*/*.zarr.zip"))))
    frames = stores.FRAMES.read(path, only=["crops", "joints_px"])
    rows = np.linspace(0, len(frames.crops) - 1, options.frames).astype(int)
    crops, joints = frames.crops[rows], frames.joints_px[rows]
    weights = yaml.safe_load(Path("config/lab.yaml").read_text(encoding="utf-8"))["segment"]["weights"]
    landmarker = Landmarker(weights)
    masks, score = segment_crops(landmarker, crops, joints)
    print(
        "| JPEG quality | bytes a crop | moved by, of 255 | IoU of masks, mean | least | bias, px | ms |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for quality in (100, 98, 95, 90):
        begin = time.process_time()
        decoded, size = through_jpeg(crops, quality)
        cost = 1e3 * (time.process_time() - begin) / len(crops)
        moved = np.abs(decoded.astype(int) - crops).mean()
        found, seen = segment_crops(landmarker, decoded, joints)
        both = np.flatnonzero((score > 0) & (seen > 0) & (masks.max(axis=(1, 2)) > 0))
        pairs = np.array([mask_quality(found[k], masks[k]) for k in both])
        cells = [f"{size:,.0f}", f"{moved:.2f}", f"{pairs[:, 0].mean():.4f}", f"{pairs[:, 0].min():.4f}"]
        cells += [f"{np.abs(pairs[:, 1]).mean():.3f}", f"{cost:.1f}"]
        print(f"| {quality} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
