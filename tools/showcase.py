"""Moments of every action for a picture: one person, turned to the viewer."""

import numpy as np

from jointreg.body.files import load_body
from jointreg.synthetic.motion.actions import ACTIONS
from jointreg.synthetic.motion.kinematics import about, figure
from jointreg.synthetic.motion.perform import perform
from jointreg.synthetic.parameters import Parameters

TURN = np.radians(30)
"""How far everybody is turned from facing the viewer."""


def moments(
    parameters: Parameters, subject: str, times: np.ndarray, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """Meshes of one person in the first take of every action.

    Args:
        parameters: of the generator.
        subject: whose body.
        times: moments, seconds, (N,), rising.
        generator: of the takes.

    Returns:
        Action -> vertices, y up, the floor at y = 0, pelvis over the origin, metres, (N, V, 3).
    """
    who = figure(load_body(parameters.body), np.array(parameters.person(subject).betas))
    stools = parameters.room.stools_m
    shown = {}
    for action, draw in zip(ACTIONS, generator.spawn(len(ACTIONS)), strict=True):
        rotations, translation = perform(who, action, 0, times, parameters.motion, stools, draw)
        betas = np.tile(who.betas, (len(times), 1))
        meshes = who.body.vertices(rotations, betas, translation)
        ahead = rotations[:, 0, :, 2]
        back = about("y", TURN - np.arctan2(ahead[:, 0], ahead[:, 2]))
        meshes = meshes - (translation + who.rest[0])[:, None] * [1, 0, 1]
        shown[action] = np.einsum("nab,nvb->nva", back, meshes)
    return shown
