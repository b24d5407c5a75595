"""Images a second of SPIN, VIBE and MEVA, one thread: `python benchmarks/estimators.py`.

CPU time, so that other work on the machine changes the numbers little; medians. Weights are random:
they change no time. The backbone is the same for all three, and the workflow runs it once for all.
"""

import argparse
import os
from collections.abc import Callable

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import torch
from timing import median_ms

from jointreg.estimators import head_bodies
from jointreg.estimators.backbone import FEATURES, Backbone
from jointreg.estimators.heads import MevaHead, SpinHead, VibeHead

HEADS = {"SPIN": SpinHead, "VIBE": VibeHead, "MEVA": MevaHead}


def cost(function: Callable[[torch.Tensor], object], values: torch.Tensor, repeats: int) -> float:
    """CPU time an image, ms."""
    with torch.no_grad():
        return median_ms(lambda: function(values), repeats) / len(values)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    batch, repeats = vars(parser.parse_args()).values()
    torch.set_num_threads(1)
    images, features = torch.rand(batch, 3, 224, 224), torch.rand(90, FEATURES)
    backbone = Backbone().eval()
    plain = cost(backbone, images.contiguous(), repeats)
    with torch.no_grad():
        before = backbone(images[:2])
        folded = cost(backbone.for_inference(), images, repeats)
        apart = float((backbone(images[:2]) - before).abs().max() / before.abs().max())
    print(f"torch {torch.__version__}, batches of {batch}")
    print(f"backbone as built {plain:.1f} ms an image; folded {folded:.1f} ms, {apart:.0e} away")
    print(f"{'':28s}{'rest, ms':>10s}{'images/s':>10s}{'backbone':>10s}")
    shared = folded
    for name, make in HEADS.items():
        head = make().eval()
        for sequence in (False, True):
            rest = cost(lambda v, h=head, s=sequence: head_bodies(h, v, sequence=s), features, repeats)
            shared += 0 if sequence else rest
            label = f"{name}, {'recordings' if sequence else 'single frames'}"
            share, speed = folded / (folded + rest), 1e3 / (folded + rest)
            print(f"{label:28s}{rest:10.2f}{speed:10.1f}{share:10.1%}")
    print(f"all three on single frames, one backbone for all: {1e3 / shared:.1f} images/s")


if __name__ == "__main__":
    main()
