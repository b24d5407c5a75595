"""What a run needs from outside, and what waits for it."""

from dataclasses import replace

import pytest

from jointreg import config
from jointreg.config.methods import load_methods
from jointreg.config.sequences import load_sequences
from jointreg.errors import ConfigError
from jointreg.pipeline.required_files import FILES, STAGES, _value, jobs, needs, require, waiting


@pytest.fixture(scope="module")
def run(root):
    """The real data set's configuration and tables."""
    loaded = config.load(config.read_yaml(root / "config/config.yaml"))
    methods = load_methods(root / loaded.methods_table)
    return loaded, load_sequences(root / loaded.sequences), methods


def test_every_row_of_the_table_is_a_key_and_a_stage(run):
    for file in FILES:
        assert isinstance(_value(run[0], file.key), str)
        assert file.blocks in STAGES
        assert len(file.get(run[0])) > 10
    for before in STAGES.values():
        assert set(before) <= set(STAGES)


def test_data_not_on_disk_is_listed(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        require(*run)
    message = str(caught.value)
    parts = ["raw/S1 ", "raw/S9", "raw/S11", "metadata.xml", "SMPL_NEUTRAL.pkl", "J_regressor_h36m.npy"]
    parts += ["register at http://vision.imar.ro", "https://smpl.is.tue.mpg.de", "config/open.yaml"]
    for part in parts:
        assert part in message, part


def test_a_subject_whose_labels_are_not_published_is_not_to_be_fetched(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded, work, methods = run
    with pytest.raises(ConfigError) as caught:
        require(loaded, [*work, replace(work[0], subject="S2")], methods)
    lines = [line for line in str(caught.value).splitlines() if "not published" in line]
    assert len(lines) == 1 and "raw/S2 " in lines[0] and "out of the sequence table" in lines[0]


def test_the_open_data_set_needs_nothing(root, open_config):
    work = load_sequences(root / open_config.sequences)
    assert needs(open_config, work, load_methods(root / open_config.methods_table)) == []


def test_a_missing_file_stops_what_follows_and_nothing_else():
    assert waiting([]) == []
    assert waiting(["evaluate"]) == ["evaluate", "paper"]
    assert waiting(["segment"]) == ["segment", "optimize", "fit_regressor_opt", "evaluate", "paper"]
    assert waiting(["prepare"]) == list(STAGES)


def test_jobs_are_those_of_the_whole_data_set(run):
    """105 sequences, 75 to train on; three variants, two methods beside the initial one; no figures."""
    counts = jobs(run[0], run[1], [])
    assert counts == {
        "prepare": 105,
        "segment": 75,
        "estimate": 105 + 2 * 30,
        "optimize": 3 * 75,
        "evaluate": 3 * 2,
    }
