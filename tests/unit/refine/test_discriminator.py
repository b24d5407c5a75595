import numpy as np
import pytest
import torch

from jointreg.errors import DataError, ShapeError
from jointreg.geometry.rotations import from_axis_angle
from jointreg.refine.adam import Adam
from jointreg.refine.discriminator import Discriminator, train
from jointreg.refine.losses import discriminator_loss
from jointreg.threads import torch_threads


def network(seed=0, **sizes):
    return Discriminator.create(torch.Generator().manual_seed(seed), **sizes)


def some_bodies(seed, count, centre=0.0):
    generator = np.random.default_rng(seed)
    pose = from_axis_angle(generator.normal(centre, 0.3, (count, 24, 3)))
    betas = generator.normal(centre, 1, (count, 10))
    return torch.from_numpy(pose), torch.from_numpy(betas)


def test_outputs_equal_a_numpy_network():
    discriminator = network()
    pose, betas = some_bodies(1, 3)
    w = {name: value.double().numpy() for name, value in discriminator.parameters.items()}

    def relu(x):
        return np.maximum(x, 0)

    for n in range(3):
        features = []
        for joint in pose[n].double().numpy():
            first_two_columns = joint[:, :2].ravel()
            one = relu(w["convolution_1.weight"] @ first_two_columns + w["convolution_1.bias"])
            features.append(relu(w["convolution_2.weight"] @ one + w["convolution_2.bias"]))
        logits = [w["heads.weight"][k] @ features[k] + w["heads.bias"][k] for k in range(24)]
        x = relu(w["pose_1.weight"] @ np.concatenate(features) + w["pose_1.bias"])
        x = relu(w["pose_2.weight"] @ x + w["pose_2.bias"])
        logits += list(w["pose_3.weight"] @ x + w["pose_3.bias"])
        x = relu(w["shape_1.weight"] @ betas[n].double().numpy() + w["shape_1.bias"])
        x = relu(w["shape_2.weight"] @ x + w["shape_2.bias"])
        logits += list(w["shape_3.weight"] @ x + w["shape_3.bias"])
        expected = 1 / (1 + np.exp(-np.array(logits)))
        np.testing.assert_allclose(discriminator(pose, betas)[n], expected, atol=1e-6)


def test_seed_decides_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    one, two, other = network(5), network(5), network(6)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one.parameters[k], two.parameters[k]) for k in one.parameters)
    assert not any(torch.equal(one.parameters[k], other.parameters[k]) for k in one.parameters)


def test_start_is_uniform_within_one_over_root_inputs():
    weight = network().parameters["pose_2.weight"]
    assert 0.999 / 32 < weight.abs().max() <= 1 / 32
    assert weight.std() == pytest.approx(1 / 32 / 3**0.5, rel=1e-2)


def test_third_column_is_not_seen():
    pose, betas = some_bodies(2, 4)
    changed = pose.clone()
    changed[..., 2] = 7.0
    assert torch.equal(network()(pose, betas), network()(changed, betas))


def test_training_separates_what_differs_and_freezes_again():
    discriminator = network()
    initial, refined = some_bodies(3, 64, -0.4), some_bodies(4, 64, 0.4)
    before = discriminator_loss(discriminator(*initial), discriminator(*refined)).item()
    optimiser = Adam(discriminator.parameters.values(), 1e-3)
    losses, right_initial, right_refined = train(
        discriminator, initial, refined, optimiser=optimiser, steps=60
    )
    assert before == pytest.approx(0.5, abs=0.03)
    assert losses.shape == (61,)
    assert losses[0] == pytest.approx(before)
    after = discriminator_loss(discriminator(*initial), discriminator(*refined)).item()
    assert losses[-1] == pytest.approx(after, rel=1e-4)
    assert after < 0.3
    assert min(right_initial, right_refined) > 0.8
    held_out = discriminator_loss(
        discriminator(*some_bodies(5, 64, -0.4)), discriminator(*some_bodies(6, 64, 0.4))
    )
    assert held_out < 0.4
    assert not any(value.requires_grad for value in discriminator.parameters.values())
    assert not discriminator(*initial).requires_grad


def test_threads_change_no_bit_of_the_training():
    initial, refined = some_bodies(3, 256, -0.4), some_bodies(4, 256, 0.4)
    trained = []
    for threads in (1, 3):
        discriminator = network()
        optimiser = Adam(discriminator.parameters.values(), 1e-3)
        with torch_threads(threads):
            train(discriminator, initial, refined, optimiser=optimiser, steps=2)
        trained.append(discriminator.parameters)
    for name, value in trained[0].items():
        assert torch.equal(value, trained[1][name])


def test_training_cannot_separate_equals():
    discriminator = network()
    same = some_bodies(3, 16)
    optimiser = Adam(discriminator.parameters.values(), 1e-3)
    losses, *_ = train(discriminator, same, same, optimiser=optimiser, steps=60)
    assert losses.min() >= 0.5


def test_gradient_reaches_the_bodies():
    pose, betas = (value.requires_grad_(True) for value in some_bodies(7, 2))
    network()(pose, betas).sum().backward()
    assert (pose.grad[..., :2].abs().sum(dim=(2, 3)) > 0).all()
    assert (betas.grad.abs().sum(dim=1) > 0).all()


def test_a_file_in_float32_is_read_in_double_precision(tmp_path):
    """Files of other versions and of the reference code's kind; what a file cannot hold is refused."""
    single = {name: value.float() for name, value in network(3).parameters.items()}
    torch.save(single, tmp_path / "single.pt")
    read = Discriminator.load(tmp_path / "single.pt").parameters
    assert all(torch.equal(read[name], value.double()) for name, value in single.items())
    torch.save({name: value.half() for name, value in single.items()}, tmp_path / "half.pt")
    with pytest.raises(DataError, match=r"is torch\.float16(.|\n)*expected float64 or float32"):
        Discriminator.load(tmp_path / "half.pt")


def test_outputs_of_a_body_have_the_same_bits_in_any_batch():
    discriminator = network()
    together = discriminator(*some_bodies(12, 70))
    for n in (0, 33, 69):
        alone = discriminator(*(value[n : n + 1] for value in some_bodies(12, 70)))
        assert torch.equal(alone[0], together[n])


def test_no_bodies_give_no_outputs():
    assert network()(*(value[:0] for value in some_bodies(11, 2))).shape == (0, 26)


def test_saved_network_is_loaded_bit_by_bit(tmp_path):
    discriminator = network(2, betas=8)
    discriminator.save(tmp_path / "a" / "one.pt")
    discriminator.save(tmp_path / "two.pt")
    loaded = Discriminator.load(tmp_path / "two.pt")
    assert list(loaded.parameters) == list(discriminator.parameters)
    assert all(torch.equal(loaded.parameters[k], v) for k, v in discriminator.parameters.items())
    assert (tmp_path / "a" / "one.pt").read_bytes() == (tmp_path / "two.pt").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


class Harmful:
    def __reduce__(self):
        return print, ("code from a file was run",)


def test_damaged_foreign_and_missing_files_are_refused(tmp_path, capsys):
    path = tmp_path / "d.pt"
    with pytest.raises(DataError, match="does not exist"):
        Discriminator.load(path)
    discriminator = network()
    discriminator.save(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"d\.pt .* not a readable discriminator"):
        Discriminator.load(path)
    torch.save({"heads.bias": Harmful()}, path)
    with pytest.raises(DataError, match=r"d\.pt names .*print, expected tensors"):
        Discriminator.load(path)
    assert capsys.readouterr().out == ""
    torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(DataError, match="contains no discriminator"):
        Discriminator.load(path)
    for other in (torch.zeros(1, dtype=torch.int64), torch.zeros(1).to_sparse(), torch.tensor(0.0)):
        torch.save(discriminator.parameters | {"pose_3.bias": other}, path)
        with pytest.raises(DataError, match=r"pose_3\.bias is torch.*(.|\n)*next: +snakemake -f"):
            Discriminator.load(path)
    torch.save(discriminator.parameters | {"pose_3.bias": torch.zeros(2).double()}, path)
    with pytest.raises(DataError, match=r"another network .*pose_3\.bias"):
        Discriminator.load(path)
    torch.save(discriminator.parameters | {"pose_3.bias": torch.tensor([np.nan])}, path)
    with pytest.raises(DataError, match="not finite"):
        Discriminator.load(path)


@pytest.mark.parametrize(
    "other",
    [
        lambda value: value.half(),
        lambda value: value.bool(),
        lambda value: value.to(torch.complex64),
        lambda value: value.to("meta"),
        lambda value: value.to_sparse(),
    ],
)
def test_tensors_that_are_not_floats_in_memory_are_refused(tmp_path, other):
    path = tmp_path / "d.pt"
    parameters = network().parameters
    torch.save(parameters | {"pose_3.bias": other(parameters["pose_3.bias"])}, path)
    with pytest.raises(DataError, match=r"d\.pt: pose_3\.bias is |not a state dict"):
        Discriminator.load(path)


def test_wrong_shapes_are_refused():
    pose, betas = some_bodies(8, 3)
    with pytest.raises(ShapeError, match=r"betas \(3, 9\)"):
        network()(pose, betas[:, :9])
    with pytest.raises(ShapeError, match=r"rotations \(3, 24, 3, 2\)"):
        network()(pose[..., :2], betas)
