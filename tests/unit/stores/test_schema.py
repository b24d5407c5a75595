"""Stores give back what was written, or refuse."""

import json
import zipfile

import numpy as np
import pytest

from jointreg import stores
from jointreg.errors import StoreError
from jointreg.stores.schema import Array, Schema


@pytest.fixture
def arrays(make_bodies, generator):
    return dict(zip(("rotations", "betas", "translation"), make_bodies(generator, 5), strict=True))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "bodies.zarr.zip"


def test_round_trip_with_facts(path, arrays):
    stores.BODIES.write(path, arrays, attrs={"rows": "abc"}, provenance={"seed": 7})
    back = stores.BODIES.read(path)
    assert all(np.array_equal(back[key], arrays[key]) for key in arrays)
    assert back.attrs["rows"] == "abc"
    assert back.attrs["provenance"] == {"seed": 7}
    part = stores.BODIES.read(path, only=["betas"])
    assert list(part) == ["betas"]


def test_same_arrays_give_the_same_bytes(path, arrays, tmp_path):
    stores.BODIES.write(path, arrays)
    stores.BODIES.write(tmp_path / "again.zarr.zip", arrays)
    assert path.read_bytes() == (tmp_path / "again.zarr.zip").read_bytes()


def test_a_failed_write_leaves_the_old_file(path, arrays):
    stores.BODIES.write(path, arrays)
    before = path.read_bytes()
    with pytest.raises(StoreError):
        stores.BODIES.write(path, arrays | {"betas": np.full((5, 10), np.nan, np.float32)})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"betas": np.zeros((4, 10), np.float32)}, r"'betas' has shape \(4, 10\)"),
        ({"extra": np.zeros(5)}, "missing none, unknown extra"),
        ({"translation": np.full((5, 3), np.inf, np.float32)}, r"not finite at index \[0, 0\]"),
        ({"translation": np.zeros((5, 3), complex)}, "complex"),
        ({"translation": [[1.0], [1.0, 2.0]]}, "'translation' is none"),
    ],
)
def test_wrong_arrays_are_refused(path, arrays, change, message):
    with pytest.raises(StoreError, match=message):
        stores.BODIES.write(path, arrays | change)


def test_whole_numbers_are_not_cut_to_fit(path):
    schema = Schema("x", 1, "", {"take": Array(("n",), "int16", "index", "")})
    with pytest.raises(StoreError, match="'take' has 40000, which int16 cannot hold"):
        schema.write(path, {"take": np.array([1, 40000])})


def test_a_truncated_file_is_refused_with_the_command_that_makes_it_again(path, arrays):
    stores.BODIES.write(path, arrays)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(StoreError, match=rf"truncated or damaged(?s:.*)snakemake -f {path}"):
        stores.BODIES.read(path)


def test_a_lost_chunk_is_not_read_as_fill_values(path, arrays, tmp_path):
    stores.BODIES.write(path, arrays)
    holed = tmp_path / "holed.zarr.zip"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(holed, "w") as new:
        for name in old.namelist():
            if not name.startswith("betas/c"):
                new.writestr(name, old.read(name))
    with pytest.raises(StoreError, match="betas"):
        stores.BODIES.read(holed)


@pytest.mark.parametrize("change", [{"sha256": None}, {"facts": [1]}, {"provenance": None}])
def test_attributes_that_are_missing_name_the_command(path, arrays, change, tmp_path):
    stores.BODIES.write(path, arrays)
    spoilt = tmp_path / "spoilt.zarr.zip"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(spoilt, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "zarr.json":
                table = json.loads(content)
                for key, value in change.items():
                    del table["attributes"][key]
                    table["attributes"] |= {} if value is None else {key: value}
                content = json.dumps(table)
            new.writestr(name, content)
    with pytest.raises(StoreError, match=rf"spoilt.*damaged(?s:.*)snakemake -f {spoilt}"):
        stores.BODIES.read(spoilt)


def test_arrays_that_declare_more_than_any_file_are_not_read(path, arrays, monkeypatch):
    stores.BODIES.write(path, arrays)
    monkeypatch.setattr("jointreg.stores.schema.LARGEST_UNPACKED", 100)
    monkeypatch.setattr("jointreg.stores.schema.UNPACKED", 0)
    with pytest.raises(StoreError, match="arrays declare"):
        stores.BODIES.read(path)


def test_another_schema_is_refused(path, arrays):
    stores.BODIES.write(path, arrays)
    with pytest.raises(StoreError, match="schema bodies version 1, expected masks version 1"):
        stores.MASKS.read(path)


def test_a_store_in_millimetres_is_refused(path, arrays, monkeypatch):
    from dataclasses import replace

    in_mm = {
        key: replace(spec, unit="mm") if spec.unit == "m" else spec
        for key, spec in stores.BODIES.arrays.items()
    }
    replace(stores.BODIES, arrays=in_mm).write(path, arrays)
    with pytest.raises(StoreError, match="'translation' is in 'mm', expected 'm'"):
        stores.BODIES.read(path)


def test_rows_of_other_frames_are_refused(path, arrays):
    take, camera = np.zeros(5), np.zeros(5)
    first = stores.rows_digest(take, camera, np.arange(5))
    assert first == stores.rows_digest(take, camera, np.arange(5))
    second = stores.rows_digest(take, camera, np.arange(1, 6))
    assert first != second
    one, two = (stores.Record(arrays, {"rows": rows}) for rows in (first, second))
    stores.require_same_rows(one, one, "same")
    with pytest.raises(StoreError, match="not the same frames"):
        stores.require_same_rows(one, two, "other")
    with pytest.raises(StoreError, match="does not name its rows"):
        stores.require_same_rows(stores.Record(arrays, {}), stores.Record(arrays, {}), "none")


def test_the_page_of_stores_is_in_step(root):
    page = (root / "docs/stores.md").read_text()
    for schema in stores.SCHEMAS:
        assert f"## {schema.name}, version {schema.version}\n\n{schema.about}\n" in page, (
            "run `make docs`"
        )
        for name, spec in schema.arrays.items():
            dims = " x ".join(str(d) for d in spec.dims)
            assert f"| `{name}` | {dims} | {spec.dtype} | {spec.unit} | {spec.about} |" in page
