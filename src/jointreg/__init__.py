"""jointreg: fit, score and exchange joint regressors for SMPL-format bodies.

Public names live in the modules: `jointreg.body`, `jointreg.regressor`, `jointreg.metrics`,
`jointreg.silhouette`, `jointreg.refine`. Importing the package itself loads nothing heavy.

The folders, from the ground up; a folder imports only from floors below its own (CONTRIBUTING.md):

    config         settings of every stage, tables of methods and sequences
    files          files of any origin: atomic writes, CSV rows, safe pickles, XML
    geometry       cameras, rotations, Procrustes alignment, rasterisation
    stores         the Zarr intermediates, their schemas and checks

    body           the SMPL body: files, skinning and its gradient
    datasets       readers of Human3.6M and of calibrated videos

    exchange       regressor files of every format, their checks and sidecars
    predictions    bodies from prediction files, or fitted to labels
    estimators     bodies from SPIN, VIBE and MEVA
    frames         crops of the person, with labels and cameras
    labels         joint labels from 2D landmarks of several cameras
    silhouette     exact silhouettes of meshes and their gradient

    regressor      fits of the joint regressor, label offsets, learning curve
    refine         refinement of bodies to joints, silhouettes and a discriminator
    segmentation   person masks
    torch          the regressor as a layer of training code
    synthetic      the open data set and its truth

    evaluation     errors of methods, intervals, agreement, the protocol in words
    tables         Table I and the other tables: numbers, cells, print
    figures        pictures of bodies, errors and fits
    diagnosis      results against the truth of the open data set
    report         report.html

    pipeline       the link to Snakemake; checks of what a run needs

At the root: `cli` (the command `jointreg`), `metrics`, `plausible` and `arrays` (what lengths and
arguments may be), `skeleton`, `errors`, `provenance`, `progress`.
"""

__version__ = "0.1.0"
