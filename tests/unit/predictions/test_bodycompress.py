"""Files that bodycompress wrote, where the package is installed."""

import numpy as np
import pytest

from jointreg.errors import DataError
from jointreg.predictions.bodies import read_predictions

bodycompress = pytest.importorskip("bodycompress", reason="pip install bodycompress")


def write(path, frames, **options):
    with bodycompress.BodyCompressor(str(path), **options) as file:
        for frame in frames:
            file.append(**frame)


@pytest.mark.parametrize("people", [False, True])
def test_meshes_come_back_in_the_order_of_their_mesh(tmp_path, body, make_bodies, generator, people):
    """To the steps of the file; a frame without anybody is left out."""
    rotations, betas, _ = make_bodies(generator, 4)
    meshes = 1000 * body.vertices(rotations, betas)
    frames = [{"vertices": mesh[None] if people else mesh} for mesh in meshes]
    frames.insert(2, {"vertices": np.empty((0, 6890, 3))} if people else {"name": "nobody"})
    write(tmp_path / "meshes.xz", frames, metadata={"about": "planted"})
    read = read_predictions(tmp_path / "meshes.xz", body, kind="vertices", note=str)
    assert np.abs(1000 * read["vertices"] - meshes).max() < 0.26
    assert read["frame"].tolist() == [0, 1, 3, 4]


def test_several_people_and_other_arrays_are_refused(tmp_path, body, make_bodies, generator):
    rotations, betas, _ = make_bodies(generator, 2)
    meshes = 1000 * body.vertices(rotations, betas)
    write(tmp_path / "two.xz", [{"vertices": meshes}])
    with pytest.raises(DataError, match=r"(?s)frame 0 has vertices of shape \(2, 6890, 3\).*rows"):
        read_predictions(tmp_path / "two.xz", body, kind="vertices")
    write(tmp_path / "names.xz", [{"vertices": meshes[0], "names": np.array(["a", None], object)}])
    with pytest.raises(DataError, match="expected plain numbers"):
        read_predictions(tmp_path / "names.xz", body, kind="vertices")
    write(tmp_path / "whole.xz", [{"vertices": mesh} for mesh in meshes])
    raw = (tmp_path / "whole.xz").read_bytes()
    (tmp_path / "cut.xz").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError, match=r"no whole file|ends within"):
        read_predictions(tmp_path / "cut.xz", body, kind="vertices")
