"""jointreg: fit, score and exchange joint regressors for SMPL-format bodies.

Public names live in the modules: `jointreg.body`, `jointreg.regressor`, `jointreg.metrics`,
`jointreg.silhouette`, `jointreg.refine`. Importing the package itself loads nothing heavy.
"""

__version__ = "0.1.0"
