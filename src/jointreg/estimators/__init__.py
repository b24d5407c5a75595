"""SPIN, VIBE and MEVA: SMPL bodies from pictures of one person, with the official weights.

    spin = load_estimator("spin", checkpoint="model_checkpoint.pt", mean_params="smpl_mean_params.npz")
    bodies = spin(images)  # (N, 3, 224, 224), RGB in 0-1

All three read an image through SPIN's ResNet-50, which takes nearly all of the time.
`Estimator.features` is this part and `Estimator.bodies` the rest, so that the features of a frame are
computed only once.
Written from the papers and from the layout of the published files.
"""

from jointreg.estimators.heads import BodyEstimate
from jointreg.estimators.networks import (
    Estimator,
    head_bodies,
    image_features,
    load_backbone,
    load_estimator,
    load_head,
)

__all__ = [
    "BodyEstimate",
    "Estimator",
    "head_bodies",
    "image_features",
    "load_backbone",
    "load_estimator",
    "load_head",
]
