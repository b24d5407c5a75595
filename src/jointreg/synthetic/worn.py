"""Where a person's clothes, shoes and hair are."""

import numpy as np

from jointreg.body.model import Body
from jointreg.skeleton import SMPL_24


def worn(body: Body, long_sleeves: bool = False) -> np.ndarray:
    """What each vertex shows: shirt, trousers, shoes, skin or hair; (V,) text.

    Trousers are long; sleeves end above the elbow or, if long, at the wrist.
    """
    at = {name: index for index, name in enumerate(SMPL_24)}
    part = body.skinning_weights.argmax(axis=1)
    template = body.template
    rest = body.rest_joints(np.zeros((1, body.n_betas)))[0]
    region = np.full(body.n_vertices, "shirt", dtype="<U8")
    legs = ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")
    below_belt = template[:, 1] < rest[at["pelvis"], 1] + 0.05
    trousers = np.isin(part, [at[name] for name in legs]) | ((part == at["pelvis"]) & below_belt)
    region[trousers] = "trousers"
    sole = template[:, 1] < rest[at["left_ankle"], 1] - 0.015
    region[sole] = "shoes"
    bare_parts = ("wrist", "hand") if long_sleeves else ("elbow", "wrist", "hand")
    bare = np.isin(part, [at[f"{side}_{name}"] for side in ("left", "right") for name in bare_parts])
    if not long_sleeves:
        sleeve = np.abs(template[:, 0]) > 0.55 * abs(rest[at["left_elbow"], 0]) + 0.45 * abs(
            rest[at["left_shoulder"], 0]
        )
        bare |= np.isin(part, [at["left_shoulder"], at["right_shoulder"]]) & sleeve
    region[bare | np.isin(part, [at["neck"], at["head"]])] = "skin"
    head = rest[at["head"]]
    behind = 0.35 * (template[:, 1] - head[1]) + head[2] + 0.02
    hair = (part == at["head"]) & (
        (template[:, 2] < behind) & (template[:, 1] > head[1] - 0.03)
        | (template[:, 1] > head[1] + 0.105)
    )
    region[hair] = "hair"
    return region
