"""Weights from a file: the right one, readable without running anything in it, and whole."""

import hashlib
import pickle
import sys
from collections import OrderedDict

import numpy as np
import pytest
import torch

from jointreg.config.weights import GET_WEIGHTS
from jointreg.errors import ConfigError, DataError
from jointreg.segmentation.mask_rcnn import fill, load_network, read_weights

ARRAYS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.ones(2, np.float32)}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def as_detectron2_writes(path, model=ARRAYS):
    """The wrapper of detectron2's model zoo."""
    path.write_bytes(pickle.dumps({"model": model, "__author__": "Detectron2 Model Zoo"}, protocol=2))


def as_torchvision_writes(path, zipped=True):
    state = OrderedDict((name, torch.tensor(value)) for name, value in ARRAYS.items())
    torch.save(state, path, _use_new_zipfile_serialization=zipped)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.pkl", as_detectron2_writes),
        ("b.pkl", lambda path: as_detectron2_writes(path, OrderedDict(ARRAYS))),
        ("a.pth", as_torchvision_writes),
        ("b.pth", lambda path: as_torchvision_writes(path, zipped=False)),  # files of 2019
    ],
)
@pytest.mark.parametrize("digits", [8, 64])
def test_weights_come_out_as_they_went_in(tmp_path, name, write, digits):
    path = tmp_path / name
    write(path)
    state = read_weights(path, digest(path)[:digits], "the shop")
    assert set(state) == set(ARRAYS)
    for key, value in ARRAYS.items():
        assert np.array_equal(state[key].numpy(), value)


def test_another_file_is_refused_with_both_digests(tmp_path):
    path = tmp_path / "a.pkl"
    as_detectron2_writes(path)
    with pytest.raises(DataError) as caught:
        read_weights(path, "bf2d0c1e", "the shop")
    for part in (str(path), digest(path), "expected bf2d0c1e", "the shop"):
        assert part in str(caught.value)


@pytest.mark.parametrize("method", ["detectron2", "torchvision"])
def test_a_missing_file_says_where_to_get_it(tmp_path, method):
    with pytest.raises(DataError) as caught:
        load_network(method, tmp_path / "none.pkl", "bf2d0c1e", "cpu")
    assert GET_WEIGHTS[method] in str(caught.value)


class Foreign:
    def __reduce__(self):
        return (sys.exit, ("ran what a file holds",))


@pytest.mark.parametrize("name", ["a.pkl", "a.pth"])
def test_files_that_hold_code_or_half_of_something_are_refused(tmp_path, name):
    path = tmp_path / name
    content = {"model": ARRAYS | {"a.weight": Foreign()}}
    with path.open("wb") as stream:
        pickle.dump(content, stream) if name.endswith("pkl") else torch.save(content, stream)
    with pytest.raises(DataError, match="not readable as parameters"):
        read_weights(path, digest(path), "the shop")
    as_detectron2_writes(path) if name.endswith("pkl") else as_torchvision_writes(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"not readable as parameters(.|\n)*the shop"):
        read_weights(path, digest(path), "the shop")


@pytest.mark.parametrize(
    "change",
    [
        {7: np.ones(3, np.float32)},
        {"a.weight": np.full((2, 3), np.nan, np.float32)},
        {"a.weight": np.full((2, 3), np.inf, np.float32)},
        {"a.weight": np.ones((2, 3), np.complex64)},
        {"a.weight": np.ones((2, 3), np.uint8)},
        {"a.weight": np.ones((2, 3), bool)},
    ],
)
def test_parameters_that_are_no_finite_numbers_by_name_are_refused(tmp_path, change):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"model": ARRAYS | change}))
    with pytest.raises(DataError, match="expected parameters by name"):
        read_weights(path, digest(path), "the shop")


def test_every_parameter_has_to_be_there():
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(3, 2), "b": torch.nn.Linear(2, 2)})
    state = {name: value + 1 for name, value in model.state_dict().items()}
    anchors = "proposal_generator.anchor_generator.cell_anchors.0"
    fill(model, state | {"pixel_mean": torch.zeros(3), anchors: torch.zeros(3, 4)}, "a toy")
    assert torch.equal(model["a"].weight, state["a.weight"])
    less = {name: value for name, value in state.items() if name[0] == "a"}
    with pytest.raises(DataError, match=r"of a toy: parameters 2 missing \(b.weight, b.bias\)"):
        fill(model, less, "a toy")
    with pytest.raises(DataError, match=r"1 unknown \(c\)"):
        fill(model, state | {"c": torch.ones(1)}, "a toy")
    with pytest.raises(DataError, match=r"a.bias.*\[5\].*\[2\]"):
        fill(model, state | {"a.bias": torch.ones(5)}, "a toy")


@pytest.mark.parametrize("package", ["detectron2", "torchvision"])
def test_a_library_that_is_not_installed_says_which_environment_has_it(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / "a.pkl"
    as_detectron2_writes(path)
    with pytest.raises(ConfigError, match=rf"needs the package {package}(.|\n)*envs/{package}\.yaml"):
        load_network(package, path, digest(path), "cpu")
