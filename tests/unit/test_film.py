"""Films of benchmarks/film.py: masks, labels and truth of each kind of world."""

import numpy as np
import pytest
import torch
from film import Person, film
from scene import SIZE

from jointreg.body import Body
from jointreg.geometry.camera import project_pinhole
from jointreg.labels.offsets import limb_frames
from jointreg.silhouette import Topology, coverage
from jointreg.synthetic.parameters import SIMPLEST


def filmed(action: str = "Directions", **kinds: str) -> tuple[Body, np.ndarray, Person]:
    """S1 in three moments before one camera, in the simplest world with some kinds changed."""
    body, regressor, people = film(
        ["S1"],
        cameras=1,
        moments=3,
        seed=4,
        actions=[action],
        estimator="sim_spin",
        between_s=1.6,
        kinds=SIMPLEST.model_copy(update=kinds),
    )
    return body, regressor, people["S1"]


def offsets_mm(body: Body, regressor: np.ndarray, person: Person) -> np.ndarray:
    """From the true joints to the labels in the frames of the limbs, (N, 17, 3)."""
    truth = person.truth
    joints = regressor @ truth.vertices(body).astype(np.float64)
    limbs = limb_frames(body, truth.rotations, truth.betas)
    return 1e3 * np.einsum("njac,nja->njc", limbs, person.sample.joints_cam - joints)


@pytest.mark.parametrize("kinds", [{}, {"people": "free"}, {"joints": "human36m"}])
def test_labels_lie_by_a_constant_beside_the_true_joints(kinds: dict[str, str]) -> None:
    offsets = offsets_mm(*filmed(**kinds))
    assert 2 < np.linalg.norm(offsets, axis=2).mean() < 10
    assert np.ptp(offsets, axis=0).max() < 0.1


def test_moving_labels_do_not() -> None:
    offsets = offsets_mm(*filmed(markers="moving"))
    assert 1 < np.linalg.norm(offsets - offsets.mean(axis=0), axis=2).mean() < 10


def test_masks_of_clothes_are_wider_than_those_of_the_body() -> None:
    bare, tight, loose = (filmed(clothes=clothes)[2].sample for clothes in ("none", "tight", "loose"))
    # Crops show the clothes, so that the scale differs: areas are compared in units of the focal length.
    areas = [
        (sample.masks / 255.0).sum(axis=(1, 2)) / sample.intrinsics[:, 0, 0] ** 2
        for sample in (bare, tight, loose)
    ]
    assert (areas[1] > 1.03 * areas[0]).all()
    assert (areas[2] > 1.05 * areas[1]).all()
    np.testing.assert_array_equal(bare.joints_cam, loose.joints_cam)


@pytest.mark.parametrize(
    ("furniture", "least", "most"), [("stools", -0.002, 0.002), ("desks", 0.1, 0.6)]
)
def test_masks_are_those_of_the_true_body_less_what_desks_hide(
    furniture: str, least: float, most: float
) -> None:
    body, _, person = filmed("Sitting", furniture=furniture)
    points = project_pinhole(person.truth.vertices(body).astype(float), person.sample.intrinsics)
    whole = coverage(torch.from_numpy(points), Topology(body.faces), SIZE).numpy()
    masks = person.sample.masks / 255
    # A mask behind a desk is drawn by 16 samples a pixel.
    assert (masks <= whole + 0.25).all()
    share = 1 - masks.sum(axis=(1, 2)) / whole.sum(axis=(1, 2))
    assert ((least < share) & (share < most)).all()
