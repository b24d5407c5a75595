"""SPIN, VIBE and MEVA load from files in the official layout and compute what the papers say."""

import io
import pickle
import zipfile

import numpy as np
import plain_networks
import pytest
import torch
from checkpoint_files import (
    mean_arrays,
    random_state,
    table,
    write_checkpoint,
    write_mean_params,
)

from jointreg.errors import ConfigError, DataError, ShapeError, UnitError
from jointreg.estimators import head_bodies, load_backbone, load_estimator, load_head
from jointreg.estimators.backbone import Backbone
from jointreg.estimators.checkpoint import read_state
from jointreg.estimators.heads import to_rotations

NETWORKS = ("spin", "vibe", "meva")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def states():
    return {network: random_state(network, seed) for seed, network in enumerate(NETWORKS)}


@pytest.fixture(scope="module")
def files(states, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    write_mean_params(folder / "smpl_mean_params.npz")
    for network, state in states.items():
        write_checkpoint(folder / f"{network}.pt", network, state)
    return folder


@pytest.fixture(scope="module")
def load(files):
    def estimator(network):
        return load_estimator(
            network,
            checkpoint=files / f"{network}.pt",
            mean_params=files / "smpl_mean_params.npz",
            backbone=None if network == "spin" else files / "spin.pt",
        )

    return estimator


@pytest.fixture(scope="module")
def heads(files):
    return {
        network: load_head(network, checkpoint=files / f"{network}.pt", mean_params=None)
        for network in NETWORKS
    }


@pytest.fixture(scope="module")
def features():
    """Features of twelve frames, of the size and sign that the backbone gives."""
    return torch.randn(12, 2048, generator=torch.Generator().manual_seed(5)).relu()


def largest(found, expected):
    return max(float((a - b).abs().max()) for a, b in zip(found, expected, strict=True))


# ---- numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
def test_images_to_bodies_agree_with_plain_networks(network, load, states):
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(3))
    expected = plain_networks.resnet(states["spin"], images)
    estimator, plain = load(network), getattr(plain_networks, network)
    features = estimator.features(images)
    assert float((features - expected).abs().max()) < 1e-5 * float(expected.abs().max())
    bodies = estimator(images)
    alone = [plain(states[network], one[None]) for one in expected]
    assert largest(bodies, [torch.cat(parts) for parts in zip(*alone, strict=True)]) < 1e-4
    assert [tuple(part.shape) for part in bodies] == [(2, 24, 3, 3), (2, 10), (2, 3)]
    assert [tuple(part.shape) for part in estimator(images[:0])] == [(0, 24, 3, 3), (0, 10), (0, 3)]


@pytest.mark.parametrize("network", NETWORKS)
def test_heads_agree_with_plain_networks(network, heads, states, features):
    plain = getattr(plain_networks, network)
    sequence = head_bodies(heads[network], features, sequence=True)
    assert largest(sequence, plain(states[network], features)) < 1e-4
    alone = head_bodies(heads[network], features[:3])
    expected = [plain(states[network], one[None]) for one in features[:3]]
    assert largest(alone, [torch.cat(parts) for parts in zip(*expected, strict=True)]) < 1e-4


@pytest.mark.parametrize("network", NETWORKS)
def test_what_a_single_frame_is_to_its_sequence(network, heads, features):
    """SPIN: the same; VIBE: the same in frame 0 only, it looks back; MEVA: not even there."""
    sequence = head_bodies(heads[network], features, sequence=True)
    alone = head_bodies(heads[network], features)
    apart = (sequence.rotations - alone.rotations).abs().amax(dim=(1, 2, 3))
    if network == "spin":
        assert float(apart.max()) < 1e-5
    else:
        assert (float(apart[0]) < 1e-5) == (network == "vibe")
        assert float(apart[1:].min()) > 1e-4


@pytest.mark.parametrize(("frames", "steps"), [(1, 1), (7, 7)])
def test_meva_decodes_as_many_steps_as_there_are_frames(frames, steps, heads, features, monkeypatch):
    calls = []
    cell = heads["meva"].vae_model.d_rnn.rnn_f
    handle = cell.register_forward_hook(lambda *_: calls.append(1))
    head_bodies(heads["meva"], features[:frames], sequence=True)
    handle.remove()
    assert len(calls) == steps


def test_a_long_sequence_goes_through_meva_in_whole_windows(heads, features):
    """200 frames: windows 0-90, 70-160 and 110-200, seams in the middle of what they share."""
    long = features.repeat(17, 1)[:200] + 0.1 * torch.arange(200)[:, None] / 200
    found = head_bodies(heads["meva"], long, sequence=True)
    for window, kept in ((0, range(80)), (70, range(80, 135)), (110, range(135, 200))):
        alone = head_bodies(heads["meva"], long[window : window + 90], sequence=True)
        inside = slice(kept.start - window, kept.stop - window)
        expected = [part[inside] for part in alone]
        assert largest([part[kept.start : kept.stop] for part in found], expected) < 1e-5
    assert len(found.betas) == 200
    assert len(head_bodies(heads["meva"], long[:0], sequence=True).betas) == 0


def test_the_two_conventions_of_6d_are_not_the_same():
    from jointreg.geometry.rotations import from_axis_angle

    turns = from_axis_angle(np.random.default_rng(1).normal(0, 1, (50, 3)))
    columns = torch.from_numpy(turns[..., :2].copy())
    row_by_row, one_after_other = columns.flatten(1), columns.transpose(1, 2).flatten(1)
    for given, convention in ((row_by_row, "interleaved"), (one_after_other, "stacked")):
        lengths = torch.tensor([2.0, 0.5] if convention == "interleaved" else [1.0])
        found = to_rotations(given * lengths.repeat(6 // len(lengths)), convention)
        assert np.abs(found.numpy() - turns).max() < 1e-12
    crossed = to_rotations(row_by_row, "stacked").numpy()
    assert np.median(np.abs(crossed - turns).max(axis=(1, 2))) > 0.5


# ---- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
def test_every_key_of_the_official_class_is_read_or_known_to_be_useless(network, files, recwarn):
    state = read_state(files / f"{network}.pt", network)
    left_out = set(table(network)) - set(state)
    useless = ("num_batches_tracked", "vae_init_mlp.", "vae_model.e_", "smpl")
    assert all(any(part in key for part in useless) for key in left_out)
    head = load_head(network, checkpoint=files / f"{network}.pt", mean_params=None)
    used = set(head.state_dict())
    if network == "spin":
        with torch.device("meta"):
            used |= {key for key in Backbone().state_dict() if key in state}
    assert used == set(state)
    assert not recwarn.list


def test_old_files_without_counters_load_and_the_mean_body_may_come_from_its_own_file(
    states, files, tmp_path
):
    state = {
        key: value
        for key, value in states["spin"].items()
        if not key.endswith("num_batches_tracked") and not key.startswith("init_")
    }
    path = write_checkpoint(tmp_path / "old.pt", "spin", state)
    load_backbone(path)
    with pytest.raises(DataError, match=r"init_pose \(1, 144\): missing(.|\n)*smpl_mean_params.npz"):
        load_head("spin", checkpoint=path, mean_params=None)
    head = load_head("spin", checkpoint=path, mean_params=files / "smpl_mean_params.npz")
    assert np.array_equal(head.init_shape[0].numpy(), mean_arrays()["shape"])


def test_the_format_of_torch_before_2020_loads(states, tmp_path):
    path = tmp_path / "legacy.pt"
    content = {"gen_state_dict": states["vibe"], "performance": np.float64(50)}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    head = load_head("vibe", checkpoint=path, mean_params=None)
    assert torch.equal(head.encoder.linear.weight, states["vibe"]["encoder.linear.weight"])


@pytest.mark.parametrize("numpy", ["numpy._core", "numpy.core"])
def test_scores_written_by_numpy_1_and_2_do_no_harm(numpy, states, files, tmp_path):
    """NumPy 1 pickled its scalars under another name of the same module."""
    path = tmp_path / "score.pt"
    with zipfile.ZipFile(files / "vibe.pt") as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename.endswith("data.pkl"):
                assert content.count(b"numpy._core.multiarray") == 1
                content = content.replace(b"numpy._core", numpy.encode())
            target.writestr(entry, content)
    head = load_head("vibe", checkpoint=path, mean_params=None)
    assert torch.equal(head.encoder.linear.bias, states["vibe"]["encoder.linear.bias"])


def test_a_key_that_the_network_does_not_have_is_named(states, tmp_path):
    path = write_checkpoint(
        tmp_path / "more.pt", "vibe", states["vibe"] | {"encoder.attention.weight": torch.zeros(2)}
    )
    with pytest.warns(UserWarning, match=r"does not have: encoder\.attention\.weight"):
        load_head("vibe", checkpoint=path, mean_params=None)


def test_missing_keys_and_wrong_shapes_are_named_with_both_shapes(states, tmp_path):
    state = dict(states["vibe"])
    del state["regressor.fc1.bias"]
    state["regressor.decpose.weight"] = torch.zeros(72, 1024)
    path = write_checkpoint(tmp_path / "wrong.pt", "vibe", state)
    with pytest.raises(DataError) as caught:
        load_head("vibe", checkpoint=path, mean_params=None)
    text = str(caught.value)
    assert "2 of 23 keys" in text
    assert "regressor.decpose.weight: shape (72, 1024), expected (144, 1024)" in text
    assert "regressor.fc1.bias (1024,): missing" in text


@pytest.mark.parametrize(
    ("given", "asked", "message"),
    [
        ("spin", "vibe", r"under 'gen_state_dict', found 'model' \(a checkpoint of spin\)"),
        ("vibe", "spin", r"under 'model', found 'gen_state_dict' \(a checkpoint of vibe or meva\)"),
        ("vibe", "meva", r"is a checkpoint of vibe, expected one of meva"),
        ("meva", "vibe", r"is a checkpoint of meva, expected one of vibe"),
    ],
)
def test_the_file_of_another_network_is_refused(given, asked, message, files):
    with pytest.raises(DataError, match=message):
        load_head(asked, checkpoint=files / f"{given}.pt", mean_params=None)


@pytest.mark.parametrize(
    ("share", "message"),
    [(0.0, "is an empty file"), (0.3, "truncated or damaged"), (0.999, "truncated or damaged")],
)
def test_a_truncated_file_is_refused(share, message, files, tmp_path):
    whole = (files / "vibe.pt").read_bytes()
    path = tmp_path / "cut.pt"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=message):
        load_head("vibe", checkpoint=path, mean_params=None)


class Sly:
    """Would run a function when unpickled."""

    def __reduce__(self):
        return (print, ("this must not be printed",))


def test_a_file_that_names_foreign_classes_is_refused_and_not_run(states, tmp_path, capsys):
    path = tmp_path / "sly.pt"
    torch.save({"model": {}, "epoch": Sly()}, path)
    with pytest.raises(DataError, match="names print, expected tensors and numbers only"):
        load_head("spin", checkpoint=path, mean_params=None)
    path.write_bytes(pickle.dumps({"model": Sly()}, protocol=2))
    with pytest.raises(DataError, match="expected tensors and numbers only"):
        load_head("spin", checkpoint=path, mean_params=None)
    assert not capsys.readouterr().out


def test_weights_that_are_not_finite_are_refused(states, tmp_path):
    broken = states["vibe"]["encoder.linear.bias"].clone()
    broken[3] = torch.nan
    path = write_checkpoint(
        tmp_path / "nan.pt", "vibe", states["vibe"] | {"encoder.linear.bias": broken}
    )
    with pytest.raises(DataError, match=r"encoder\.linear\.bias is not finite"):
        load_head("vibe", checkpoint=path, mean_params=None)


def test_missing_files_are_refused_with_where_to_get_them(files, tmp_path):
    with pytest.raises(DataError, match=r"(?s)mean parameters .*none.npz does not exist.*SPIN"):
        load_head("spin", checkpoint=files / "spin.pt", mean_params=tmp_path / "none.npz")
    with pytest.raises(DataError, match=r"(?s)checkpoint of vibe .*none.pt does not exist.*VIBE"):
        load_head("vibe", checkpoint=tmp_path / "none.pt", mean_params=None)
    buffer = io.BytesIO()
    np.savez(buffer, **mean_arrays() | {"pose": np.zeros(72, np.float32)})
    (tmp_path / "wrong.npz").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"'pose' must be 144 finite .* shape \(72,\)"):
        load_head("spin", checkpoint=files / "spin.pt", mean_params=tmp_path / "wrong.npz")


# ---- calls -----------------------------------------------------------------------------------------


def test_wrong_calls_are_refused(load, files):
    estimator = load("spin")
    with pytest.raises(ShapeError, match=r"\(1, 1, 3, 224, 224\), expected float32 \(N, 3, 224, 224\)"):
        estimator(torch.zeros(1, 1, 3, 224, 224))
    with pytest.raises(UnitError, match="range from 0 to 255, expected 0 to 1"):
        estimator(torch.linspace(0, 255, 3 * 224**2).reshape(1, 3, 224, 224))
    with pytest.raises(ConfigError, match="vibe is loaded without a backbone"):
        load_estimator("vibe", checkpoint=files / "vibe.pt", mean_params=None)
    with pytest.raises(ConfigError, match="'hmr' is not known"):
        load_head("hmr", checkpoint=files / "vibe.pt", mean_params=None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensor: tensor.to(torch.int32), "is a tensor of torch.int32"),
        (lambda tensor: tensor.to(torch.bool), "is a tensor of torch.bool"),
        (lambda tensor: tensor.to_sparse(), "torch.sparse_coo"),
        (lambda tensor: torch.full_like(tensor, torch.nan), "is not finite"),
    ],
)
def test_weights_that_are_no_plain_numbers_are_named(tmp_path, change, message):
    state = random_state("spin")
    state["fc1.bias"] = change(state["fc1.bias"])
    write_checkpoint(tmp_path / "spin.pt", "spin", state)
    with pytest.raises(DataError, match=message):
        read_state(tmp_path / "spin.pt", "spin")


def test_a_flipped_bit_in_a_checkpoint_is_found(tmp_path):
    """torch.save writes a checksum of every record, torch.load compares none."""
    write_checkpoint(tmp_path / "spin.pt", "spin", random_state("spin"))
    raw = bytearray((tmp_path / "spin.pt").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "spin.pt").write_bytes(raw)
    with pytest.raises(
        DataError, match=r"spin\.pt .* is not a readable checkpoint(.|\n)*fetch it again"
    ):
        read_state(tmp_path / "spin.pt", "spin")
