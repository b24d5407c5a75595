"""TRC and C3D: units, lost markers, headers that disagree with their rows."""

import io

import numpy as np
import pytest

from jointreg.errors import DataError, UnitError
from jointreg.regressor.label_files import read_labels
from jointreg.regressor.marker_files import read_c3d

pytestmark = pytest.mark.filterwarnings("ignore:No analog data")

NAMES = ("head top", "left hip", "right hip", "left knee", "right knee", "neck")


@pytest.fixture
def joints(generator):
    """Metres; the second joint has no place in frame 2."""
    values = generator.uniform(0.1, 0.9, (5, 6, 3)).round(6)
    values[2, 1] = np.nan
    return values


def trc(path, joints, scale=1000.0, unit="mm", frames=None, markers=None, cell=None):
    """Write a TRC; `cell` is what stands where a marker is lost."""
    count, names = len(joints), NAMES
    head = ["100", "100", str(frames or count), str(markers or len(names)), unit, "100", "1", str(count)]
    keys = "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames"
    lines = ["PathFileType\t4\t(X/Y/Z)\twalk.trc", "\t".join(keys.split()), "\t".join(head)]
    lines.append("Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t")
    lines.append("\t\t" + "\t".join(f"{axis}{k + 1}" for k in range(len(names)) for axis in "XYZ"))
    lines.append("")
    for frame, row in enumerate(joints * scale):
        cells = [repr(float(x)) if np.isfinite(x) else cell or "" for x in row.ravel()]
        lines.append("\t".join([str(frame + 1), f"{frame / 100}", *cells]))
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(("unit", "scale"), [("mm", 1000), ("m", 1), ("cm", 100)])
@pytest.mark.parametrize("lost", ["", "0", "nan"])
def test_trc_is_read_in_metres_and_lost_markers_have_no_label(tmp_path, joints, unit, scale, lost):
    trc(tmp_path / "a.trc", joints, scale, unit, cell=lost)
    labels = read_labels(tmp_path / "a.trc")
    assert labels.names == NAMES and not labels.sparse
    assert np.allclose(labels.joints, joints, atol=1e-12, equal_nan=True)


def test_cells_missing_at_the_end_of_a_line_are_lost_markers(tmp_path, joints):
    trc(tmp_path / "a.trc", joints)
    lines = (tmp_path / "a.trc").read_text().splitlines()
    lines[6] = lines[6].rsplit("\t", 3)[0]
    (tmp_path / "a.trc").write_text("\n".join(lines))
    labels = read_labels(tmp_path / "a.trc").joints
    assert np.isnan(labels[0, 5]).all() and np.allclose(labels[0, :5], joints[0, :5])


def test_lost_markers_that_have_no_cell_are_not_guessed(tmp_path, joints):
    """A program that writes nothing for a lost marker moves all later ones one name to the left."""
    trc(tmp_path / "a.trc", joints)
    lines = (tmp_path / "a.trc").read_text().splitlines()
    lines[8] = lines[8].replace("\t\t\t\t", "\t")
    (tmp_path / "a.trc").write_text("\n".join(lines))
    with pytest.raises(DataError, match="frame 3 has 15 cells for 6 markers, and lost ones have no"):
        read_labels(tmp_path / "a.trc")


def test_refusals_of_trc(tmp_path, joints):
    def refused(cause, kind=DataError, change=None, **how):
        trc(tmp_path / "a.trc", joints, **how)
        if change:
            text = (tmp_path / "a.trc").read_text()
            assert change[0] in text
            (tmp_path / "a.trc").write_text(text.replace(*change))
        with pytest.raises(kind, match=cause):
            read_labels(tmp_path / "a.trc")

    refused("gives 50 frames of 6 markers, it has 5 of 6", frames=50)
    refused("gives 5 frames of 7 markers, it has 5 of 6", markers=7)
    refused("has the unit 'furlong'", unit="furlong")
    refused("(?s)extend over 0.000.*header may name another unit", UnitError, scale=1)
    refused("its header has no Units", change=("Units", "Unit"))
    refused("frame 1 follows frame 1", change=("\n2\t", "\n1\t"))
    refused("has more than 6 markers", change=("\n2\t0.01", "\n2\t0.01\t1.0"))
    refused("could not convert string", change=("\n2\t0.01\t", "\n2\t0.01\tx"))


def c3d_bytes(joints, scale, unit, *further, names=NAMES, first=1, **parameters):
    """Written by the package's own writer, which stores a lost marker with a residual of -1.

    `further` are the names of LABELS2, LABELS3 and so on, where one parameter cannot hold all;
    `parameters` are names in other parameters of the points.
    """
    c3d = pytest.importorskip("c3d")
    writer = c3d.Writer(point_rate=100, point_scale=-1.0, point_units=unit)
    frames = []
    for row in joints:
        points = np.zeros((len(row), 5), np.float32)
        points[:, :3] = np.where(np.isfinite(row), row, 0.4) * scale
        points[~np.isfinite(row).all(axis=1), 3] = -1
        frames.append((points, np.zeros((0, 0))))
    writer.add_frames(frames)
    writer.set_point_labels(list(names))
    writer.set_start_frame(first)
    groups = {f"LABELS{number}": group for number, group in enumerate(further, 2)} | parameters
    for key, group in groups.items():
        text, length = c3d.Writer.pack_labels(list(group))
        writer.point_group.add_str(key, "", text, length, len(group))
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


@pytest.mark.parametrize(("unit", "scale"), [("mm", 1000), ("m", 1)])
def test_c3d_is_read_in_metres_and_lost_markers_have_no_label(tmp_path, joints, unit, scale):
    (tmp_path / "a.c3d").write_bytes(c3d_bytes(joints, scale, unit))
    labels = read_labels(tmp_path / "a.c3d")
    assert labels.names == NAMES
    assert np.allclose(labels.joints, joints, atol=1e-6, equal_nan=True)


def test_refusals_of_c3d(tmp_path, joints):
    file = tmp_path / "a.c3d"
    file.write_bytes(c3d_bytes(joints, 1, "mm"))
    with pytest.raises(UnitError, match="its header may name another unit"):
        read_labels(file)
    file.write_bytes(c3d_bytes(joints, 1, "span"))
    with pytest.raises(DataError, match="has the unit 'span'"):
        read_labels(file)
    file.write_bytes(b"PathFileType\t4" * 100)
    with pytest.raises(DataError, match="is no readable C3D"):
        read_labels(file)


def test_names_of_c3d_go_on_in_further_parameters(tmp_path, joints):
    """As they must beyond 255 markers, which is more than the writer of the package c3d can write."""
    (tmp_path / "a.c3d").write_bytes(c3d_bytes(joints, 1, "m", NAMES[2:5], NAMES[5:], names=NAMES[:2]))
    markers = read_c3d(tmp_path / "a.c3d")
    assert markers.names == NAMES
    assert np.allclose(markers.points, joints, atol=1e-6, equal_nan=True)


def test_points_without_a_name_are_not_dropped(tmp_path, joints):
    (tmp_path / "a.c3d").write_bytes(c3d_bytes(joints, 1, "m", names=NAMES[:4]))
    with pytest.raises(DataError, match="has 6 points and names 4 of them"):
        read_c3d(tmp_path / "a.c3d")


def test_angles_and_forces_among_the_points_are_no_joints(tmp_path, joints):
    data = c3d_bytes(joints, 1, "m", ANGLES=("left hip ",), POWERS=NAMES[4:5])
    (tmp_path / "a.c3d").write_bytes(data)
    markers = read_c3d(tmp_path / "a.c3d")
    kept = [0, 2, 3, 5]
    assert markers.names == tuple(NAMES[k] for k in kept)
    assert np.allclose(markers.points, joints[:, kept], atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("first", [101, 70_000, 140_000])
def test_a_trial_may_begin_at_any_frame(tmp_path, joints, first):
    """The package c3d reads what follows the last frame of a late trial as one frame more, or two."""
    (tmp_path / "a.c3d").write_bytes(c3d_bytes(joints, 1, "m", first=first))
    assert np.allclose(read_c3d(tmp_path / "a.c3d").points, joints, atol=1e-6, equal_nan=True)
