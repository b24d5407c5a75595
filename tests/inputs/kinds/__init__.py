"""The kinds of file that the product reads, each with its originals and their damages."""

from inputs.case import Case
from inputs.kinds import (
    bodies,
    calibrations,
    configuration,
    h36m_fetch,
    human36m,
    labelled_meshes,
    labels,
    meshes,
    networks,
    others,
    predictions,
    regressors,
    stores,
    tables,
    trackers,
    videos,
)

CASES: list[Case] = [
    *regressors.CASES,
    *bodies.CASES,
    *predictions.CASES,
    *trackers.CASES,
    *labels.CASES,
    *meshes.CASES,
    *labelled_meshes.CASES,
    *stores.CASES,
    *human36m.CASES,
    *h36m_fetch.CASES,
    *calibrations.CASES,
    *videos.CASES,
    *configuration.CASES,
    *tables.CASES,
    *networks.CASES,
    *others.CASES,
]
"""All damaged inputs."""
