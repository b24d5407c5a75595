"""The configuration: refusals name the key and the file; the shipped files are complete."""

import pytest

from jointreg import config
from jointreg.errors import ConfigError


@pytest.fixture
def values(root):
    return config.read_yaml(root / "config/config.yaml", root / "config/open.yaml")


@pytest.mark.parametrize("files", [["open"], ["lab"], ["open", "open_variants"]])
def test_shipped_configurations_are_valid(root, files):
    paths = [root / "config" / f"{name}.yaml" for name in ("config", *files)]
    assert config.load(config.read_yaml(*paths)).run == files[-1]


def test_default_configuration_is_the_real_data_set(root):
    loaded = config.load(config.read_yaml(root / "config/config.yaml"))
    assert loaded.run == "human36m"
    assert loaded.methods == ["spin", "vibe", "meva"]
    assert not loaded.synthesize.enabled


def test_unknown_key_is_named_with_file_neighbour_and_choices(values):
    values["optimize"]["iteratoins"] = 5
    with pytest.raises(ConfigError) as caught:
        config.load(values, ["config/config.yaml", "config/open.yaml"])
    message = str(caught.value)
    assert "config/open.yaml" in message
    assert "unknown key 'optimize.iteratoins'; did you mean 'iterations'?" in message
    assert "learning_rate" in message


def test_unknown_key_at_the_top_and_in_a_variant(values):
    values["seeed"] = 1
    with pytest.raises(ConfigError, match="did you mean 'seed'"):
        config.load(values)
    del values["seeed"]
    values["variant_settings"]["full"] = {"silhouete": 0.0}
    with pytest.raises(
        ConfigError, match=r"variant_settings\.full\.silhouete'; did you mean 'silhouette'"
    ):
        config.load(values)


@pytest.mark.parametrize(
    ("block", "key", "value", "message"),
    [
        ("prepare", "frame_step", 0, "prepare.frame_step' is 0"),
        ("optimize", "learning_rate", "fast", "optimize.learning_rate' is 'fast'"),
        ("evaluate", "joints", 16, "evaluate.joints' is 16"),
        ("segment", "method", "sam", "segment.method' is 'sam'"),
    ],
)
def test_wrong_values_are_named(values, block, key, value, message):
    values[block][key] = value
    with pytest.raises(ConfigError, match=message):
        config.load(values)


def test_missing_key_and_undefined_variant(values):
    del values["optimize"]["batch"]
    with pytest.raises(ConfigError, match=r"optimize\.batch' is missing"):
        config.load(values)
    values["optimize"]["batch"] = 64
    values["variants"] = ["full", "fancy"]
    with pytest.raises(ConfigError, match="'fancy' is not defined"):
        config.load(values)
    values["variants"] = ["no_silhouette"]
    with pytest.raises(ConfigError, match="lacks 'full'"):
        config.load(values)


@pytest.mark.parametrize(
    ("block", "key", "value", "message"),
    [
        (None, "body", "SMPL_NEUTRAL.npz", "made with the open body"),
        ("segment", "method", "detectron2", "needs segment.weights and segment.sha256(.|\n)*f10217"),
        ("segment", "sha256", "bf2d0c", "segment.sha256' is 'bf2d0c'"),
        ("evaluate", "root", "hip", "evaluate.root is 'hip'"),
        ("fit_regressor_opt", "sum_weight", 0.0, "sum_weight' is 0.0"),
    ],
)
def test_what_could_only_fail_late_is_refused_at_once(values, block, key, value, message):
    (values[block] if block else values)[key] = value
    with pytest.raises(ConfigError, match=message):
        config.load(values)


def test_a_device_without_kernels_is_refused(values):
    values["device"] = "cuda"
    with pytest.raises(ConfigError, match="variant 'full': backend 'numba' has no CUDA kernels"):
        config.load(values)
    values["optimize"]["backend"] = "warp"
    assert config.load(values).device == "cuda"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"full": {"regressor": "opt_full"}}, "variant 'full': regressor is 'opt_full', expected"),
        ({"second_round": {"regressor": "opt_multiview"}}, "variants of this run: full, second_round"),
        ({"full": {"regressor": "opt_second_round"}}, "that itself reads spin or std"),
        ({"full": {"multiview": True, "camera": "weak_perspective"}}, "needs calibrated cameras"),
    ],
)
def test_variants_that_cannot_be_are_refused(values, changes, message):
    values["variants"] = ["full", "second_round"]
    config.load(values)
    values["variant_settings"] |= changes
    with pytest.raises(ConfigError, match=message):
        config.load(values)


def test_a_variant_that_reads_j_std_needs_it(values):
    values["variants"], values["regressor_std"] = ["full", "reference_code"], ""
    with pytest.raises(ConfigError, match="'reference_code': regressor is 'std', but regressor_std"):
        config.load(values)


def test_a_variant_changes_only_what_it_says(values):
    loaded = config.load(values)
    changed = config.optimize_settings(loaded, "no_silhouette").model_dump()
    assert changed.pop("silhouette") == 0
    full = config.optimize_settings(loaded, "full").model_dump()
    assert full.pop("silhouette") == 1
    assert changed == full


def test_parameter_table_is_in_step(root):
    loaded = config.load(config.read_yaml(root / "config/config.yaml"))
    page = (root / "config/README.md").read_text()
    assert config.parameter_table(loaded) in page, "run `make docs`"
