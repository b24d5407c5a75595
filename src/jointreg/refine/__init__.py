"""Refinement of bodies to joints, silhouettes and a discriminator (paper III).

`refine_sample` works on a `Sample` of frames. `refine` and `energy_weights` take its arrays one by one.
"""

from jointreg.refine.arrays import energy_weights, refine
from jointreg.refine.loop import refine_sample
from jointreg.refine.parameters import Views
from jointreg.refine.result import Refined
from jointreg.refine.sample import Sample
from jointreg.refine.start import start_translation

__all__ = [
    "Refined",
    "Sample",
    "Views",
    "energy_weights",
    "refine",
    "refine_sample",
    "start_translation",
]
