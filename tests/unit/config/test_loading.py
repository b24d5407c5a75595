"""The configuration: refusals name the key and the file; the shipped files are complete."""

import math
import re
from pathlib import Path

import pytest
from parameter_table import parameter_table

from jointreg import config
from jointreg.config.loading import OLD_KEYS
from jointreg.errors import ConfigError


@pytest.fixture
def values(root):
    return config.read_yaml(root / "config/config.yaml", root / "config/open.yaml")


@pytest.mark.parametrize("files", [["open"], ["lab"], ["own_data"], ["open", "open_variants"]])
def test_shipped_configurations_are_valid(root, files):
    paths = [root / "config" / f"{name}.yaml" for name in ("config", *files)]
    assert config.load(config.read_yaml(*paths)).run == files[-1]


def test_default_configuration_is_the_real_data_set(root):
    loaded = config.load(config.read_yaml(root / "config/config.yaml"))
    assert loaded.run == "human36m"
    assert loaded.methods == ["spin", "vibe", "meva"]
    assert loaded.dataset.source == "human36m"


def test_unknown_key_is_named_with_file_neighbour_and_choices(values):
    values["optimize"]["iteratoins"] = 5
    with pytest.raises(ConfigError) as caught:
        config.load(values, ["config/config.yaml", "config/open.yaml"])
    message = str(caught.value)
    assert "config/open.yaml" in message
    assert "unknown key 'optimize.iteratoins'; did you mean 'iterations'?" in message
    assert "learning_rate" in message


def test_of_several_files_a_fault_names_its_own(values, tmp_path):
    (tmp_path / "mine.yaml").write_text("optimize: {iteratoins: 5}\nvariants: [full, 7]\n")
    (tmp_path / "other.yaml").write_text(
        "run: mine\nevaluate: {root: 5}\nfigures: {dpi: 'of {run}'}\nsegment: {threshold: .nan}\n"
    )
    files = [str(tmp_path / name) for name in ("mine.yaml", "other.yaml")]
    values["optimize"]["iteratoins"] = 5
    values["variants"] = ["full", 7]
    values["evaluate"]["root"] = 5
    values["run"], values["figures"]["dpi"] = "mine", "of {run}"
    values["segment"]["threshold"] = math.nan
    values["seed"] = "none"  # by --config: in no file
    with pytest.raises(ConfigError) as caught:
        config.load(values, files)
    lines = str(caught.value).splitlines()
    assert {line.split("'")[1]: line.split("'")[0] for line in lines[1:-1]} == {
        "optimize.iteratoins": f"  {files[0]}: unknown key ",
        "variants.1": f"  {files[0]}: ",
        "evaluate.root": f"  {files[1]}: ",
        "figures.dpi": f"  {files[1]}: ",
        "segment.threshold": f"  {files[1]}: ",
        "seed": "  ",
    }


def test_unknown_key_at_the_top_and_in_a_variant(values):
    values["seeed"] = 1
    with pytest.raises(ConfigError, match="did you mean 'seed'"):
        config.load(values)
    del values["seeed"]
    values["frame_step"] = 10
    with pytest.raises(ConfigError, match=r"'frame_step'; did you mean 'prepare\.frame_step'"):
        config.load(values)
    del values["frame_step"]
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


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("prepare.frame_step", 0, "is 0: expected more than 0$"),
        ("prepare.frame_step", 1.5, "expected a whole number"),
        ("prepare", None, "is None: expected keys with values under it"),
        ("run", 2026, "put quotes around a number"),
        ("run", "my run", "expected letters, digits, '_' and '-' only"),
        ("variants", "full", "expected a list"),
        ("device", "gpu", "expected 'cpu' or 'cuda'"),
    ],
)
def test_what_was_expected_is_said_in_words_of_yaml(values, path, value, message):
    *blocks, key = path.split(".")
    block = values
    for name in blocks:
        block = block[name]
    block[key] = value
    with pytest.raises(ConfigError) as caught:
        config.load(values)
    assert re.search(message, str(caught.value), re.MULTILINE)
    assert "Input should" not in str(caught.value)


def test_settings_of_a_misspelt_variant_are_not_passed_over(values):
    values["variant_settings"]["recomended"] = {"iterations": 5}
    with pytest.raises(ConfigError, match="did you mean 'recommended'"):
        config.load(values)
    del values["variant_settings"]["recomended"]
    values["variant_settings"] |= {"mine_1": {"iterations": 5}, "mine_2": {"iterations": 6}}
    values["variants"] = ["full", "mine_2"]
    config.load(values)  # mine_1 waits for another run


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
        ("fit_regressor", "sum_weight", 0.0, "fit_regressor.sum_weight' is 0.0"),
        ("fit_regressor", "opt", {"sum_weight": 0.0}, "fit_regressor.opt.sum_weight' is 0.0"),
        (
            "fit_regressor",
            "spin",
            {"sum_wieght": 1.0},
            "spin.sum_wieght'; did you mean 'sum_w",
        ),
        (
            "variant_settings",
            "second_round",
            {"joint": -1.0},
            "second_round.joint' is -1",
        ),
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
    values["optimize"]["solver"] = "lm"
    with pytest.raises(ConfigError, match="variant 'full': backend is 'warp', but the solver 'lm'"):
        config.load(values)
    values["optimize"]["backend"] = "numba"  # on the CPU
    loaded = config.load(values)
    assert config.solver_device(config.optimize_settings(loaded, "full"), loaded.device) == "cpu"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"full": {"regressor": "opt_full"}}, "variant 'full': regressor is 'opt_full', expected"),
        ({"second_round": {"regressor": "opt_multiview"}}, "next:   add multiview to variants"),
        ({"full": {"regressor": "opt_second_round"}}, "another variant of this run that does not wait"),
        ({"full": {"multiview": True, "camera": "weak_perspective"}}, "needs calibrated cameras"),
        ({"full": {"solver": "lm", "shape_prior": 0.1}}, "shape_prior is 0.1, which the solver 'lm'"),
        ({"full": {"start": "joints", "joint": 0.0}}, "start is 'joints', but joint is 0"),
        (
            {"full": {"start": "refined", "adversarial": 0.0}},
            "start is 'refined', but regressor is 'spin'",
        ),
        (
            {"second_round": {"regressor": "opt_full", "start": "refined"}},
            "start is 'refined', but adversarial is 1",
        ),
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


@pytest.mark.parametrize("key", OLD_KEYS)
def test_an_old_key_stops_the_run_with_the_new_name(values, key):
    *blocks, name = key.split(".")
    block = values
    for part in blocks:
        block = block[part]
    block[name] = {}
    new = OLD_KEYS[key].split(":")[0].split(",")[0].split(".")[0]
    assert new in config.Config.model_fields
    with pytest.raises(ConfigError, match=rf"key '{key}' has a new name\. Write {new}"):
        config.load(values, ["config/mine.yaml"])


def test_every_old_key_is_gone_and_its_new_name_is_there(root):
    """The cure, followed to the letter, gives the run that the old keys gave."""
    values = config.read_yaml(root / "config/config.yaml")
    for key in OLD_KEYS:
        block = values
        for part in key.split("."):
            block = block.get(part) if isinstance(block, dict) else None
        assert block is None, key
    values["dataset"]["source"], values["body"] = "synthetic", "open"
    values["fit_regressor"] |= {"spin": {"sum_weight": 7.0}, "opt": {"sum_weight": 9.0}}
    loaded = config.load(values)
    assert loaded.dataset.kind == "human36m"
    assert (loaded.fit_regressor_spin.sum_weight, loaded.fit_regressor_opt.sum_weight) == (7, 9)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("human36m", "human36m"),
        ("synthetic", "human36m"),
        ("multiview", "multiview"),
        ("landmarks", "multiview"),
    ],
)
def test_the_source_decides_the_layout(values, source, kind):
    values["dataset"]["source"] = source
    assert config.load(values).dataset.kind == kind


def test_run_stands_in_for_its_name_in_every_text(values):
    values["run"] = "mine"
    values["methods"] = ["{run}_a", "b"]
    loaded = config.load(values)
    assert loaded.dataset.root == "data/mine/human36m"
    assert loaded.estimate.predictions == "data/mine/human36m/predictions"
    assert loaded.methods == ["mine_a", "b"]


def test_regressors_share_a_block_and_differ_where_it_says(values):
    values["fit_regressor"] |= {"sum_weight": 50.0, "opt": {"max_vertices": 20}}
    loaded = config.load(values)
    spin, opt = loaded.fit_regressor_spin.model_dump(), loaded.fit_regressor_opt.model_dump()
    assert {key for key in spin if spin[key] != opt[key]} == {"translation", "max_vertices"}
    assert (spin["translation"], opt["translation"]) == ("eliminated", "absolute")
    assert (spin["sum_weight"], opt["sum_weight"], opt["max_vertices"]) == (50, 50, 20)


def test_a_variant_has_keys_of_its_own_for_its_regressor(values):
    values["variants"] = ["full", "recommended_start", "recommended"]
    values["fit_regressor"]["variants"] = {"recommended": {"symmetric": True, "sum_weight": 50.0}}
    loaded = config.load(values)
    full, own = (config.fit_settings(loaded, f"opt_{name}") for name in ("full", "recommended"))
    assert full == loaded.fit_regressor_opt
    assert own.model_dump() == full.model_dump() | {"symmetric": True, "sum_weight": 50.0}
    values["fit_regressor"]["variants"] = {"recomended": {}}
    with pytest.raises(ConfigError, match=r"fit_regressor.variants has recomended,"):
        config.load(values)


def test_rounds_may_follow_one_another_but_not_in_a_circle(values):
    rounds = {
        name: {"regressor": f"opt_{before}", "start": "refined", "adversarial": 0.0}
        for before, name in (("full", "two"), ("two", "three"), ("three", "four"))
    }
    values["variant_settings"] |= rounds
    values["variants"] = ["four", "full", "two", "three"]
    config.load(values)
    values["variant_settings"]["two"] = {"regressor": "opt_four"}
    with pytest.raises(ConfigError, match="variant 'four': regressor is 'opt_three', expected spin"):
        config.load(values)


def test_a_contradiction_of_one_regressor_names_its_block(values):
    """`symmetric` is harmless in the block, `max_vertices` in the sub-block; together they are not."""
    values["fit_regressor"] |= {"symmetric": True, "opt": {"max_vertices": 1}}
    with pytest.raises(ConfigError, match=r"'fit_regressor\.opt' is (.|\n)*symmetric needs"):
        config.load(values)


def test_translation_is_eliminated_after_root_relative_refinement(values):
    values["variants"] = ["full", "reference_code"]
    loaded = config.load(values)
    fits = {name: config.fit_settings(loaded, name) for name in ("opt_full", "opt_reference_code")}
    assert fits["opt_full"] == loaded.fit_regressor_opt
    changed = fits["opt_reference_code"].model_dump() | {"translation": "absolute"}
    assert fits["opt_reference_code"].translation == "eliminated"
    assert changed == fits["opt_full"].model_dump()


def test_every_variant_is_checked_when_the_file_is_loaded(values):
    """Also one that this run does not ask for."""
    assert "multiview" not in values["variants"]
    values["variant_settings"]["multiview"] = {"camera": "fish_eye"}
    with pytest.raises(ConfigError, match=r"variant_settings\.multiview\.camera' is 'fish_eye'"):
        config.load(values)


def test_the_page_of_the_configuration_is_in_step(root):
    loaded = config.load(config.read_yaml(root / "config/config.yaml"))
    page = (root / "config/README.md").read_text()
    assert parameter_table(loaded) in page, "run `make docs`"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"run: [open", "is not YAML"),
        (b"run: open\nseed: 1\nrun: other\n", "key 'run' stands twice"),
        (b"optimize:\n  batch: 1\n  batch: 2\n", "key 'batch' stands twice"),
        (b"- run\n", "contains a list, expected keys"),
        (b"run: \xff\n", "is not YAML(.|\n)*save it as UTF-8"),
        (b"run: open\nprepare:\n\tframe_step: 1\n", "put blanks in place of tabs"),
        (None, "does not exist"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "run.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        config.read_yaml(path)
    assert str(path) in str(caught.value)


def test_a_long_wrong_value_is_not_printed_whole(root):
    values = config.read_yaml(root / "config/config.yaml")
    with pytest.raises(ConfigError, match="'seed' is") as caught:
        config.load(values | {"seed": ["long"] * 10_000})
    assert len(str(caught.value)) < 1000


def test_yaml_that_repeats_itself_is_counted(tmp_path):
    """A few lines that stand for 10^9 values, and a part within itself."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join(9 * [f'*a{n - 1}'])}]" for n in range(1, 10)]
    texts = ("\n".join(lines), "a: &a [*a]", "a: " + "[" * 10**4, "x: " + "1" * 5000, "d: 2001-99-99")
    for text in texts:
        (tmp_path / "more.yaml").write_text(text)
        with pytest.raises(ConfigError, match=r"more\.yaml is not YAML"):
            config.read_yaml(tmp_path / "more.yaml")
    (tmp_path / "more.yaml").write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}")
    assert config.read_yaml(tmp_path / "more.yaml") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}


def test_what_an_error_prints_is_short():
    many = {"x" * 10**5: 1} | {f"y{n}": "z" * 10**5 for n in range(1000)}
    with pytest.raises(ConfigError) as caught:
        config.load(many)
    assert len(str(caught.value)) < 100_000 and "more" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", True),
        ("seed", 2**70),
        ("prepare.frame_step", 10**12),
        ("prepare.frame_step", True),
        ("prepare.margin_m", 200),
        ("prepare.margin_m", 1e-300),
        ("optimize.iterations", 10**12),
        ("optimize.learning_rate", 1e300),
        ("optimize.blur_px", [True]),
        ("optimize.joint", 1e300),
        ("figures.dpi", 10**6),
        ("fit_learning_curve.fractions", [0.5, True]),
        ("methods", []),
        ("methods", ["spin", "spin"]),
        ("variants", ["full", "full"]),
        ("variant_settings", {"../x": {}}),
    ],
)
def test_numbers_have_bounds_and_lists_no_repeats(values, key, value):
    block, *rest = key.split(".")
    changed = values | {block: values[block] | {rest[0]: value} if rest else value}
    with pytest.raises(ConfigError, match=rf"'{key}"):
        config.load(changed)


def test_shipped_files_are_found_from_another_folder(root, values, tmp_path, monkeypatch):
    """A file of the working directory comes first."""
    monkeypatch.chdir(tmp_path)
    shipped = Path(config.load(values, home=root).sequences)
    assert not shipped.is_absolute()
    assert shipped.resolve() == root / "config/sequences/open.tsv"
    own = tmp_path / "config/sequences/open.tsv"
    own.parent.mkdir(parents=True)
    own.write_text("")
    assert config.load(values, home=root).sequences == "config/sequences/open.tsv"
