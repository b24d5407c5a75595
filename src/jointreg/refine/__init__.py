"""Refinement of bodies to joints, silhouettes and a discriminator (paper III)."""

from jointreg.refine.loop import Refined, energy_weights, refine
from jointreg.refine.parameters import Views
from jointreg.refine.start import start_translation

__all__ = ["Refined", "Views", "energy_weights", "refine", "start_translation"]
