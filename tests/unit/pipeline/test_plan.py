"""Errors while the workflow is planned, and logs of earlier runs."""

from types import SimpleNamespace

import pytest

from jointreg.errors import ConfigError
from jointreg.pipeline.plan import remove_logs, require_writable, stop_with_its_text


def test_an_error_of_ours_ends_with_its_text_and_others_pass(capsys):
    with pytest.raises(SystemExit) as stopped, stop_with_its_text():
        raise ConfigError("a.yaml: unknown key", "keys: config/README.md")
    assert stopped.value.code == 1
    expected = "ConfigError: a.yaml: unknown key\n  next:   keys: config/README.md\n"
    assert capsys.readouterr().err == expected
    with pytest.raises(KeyError), stop_with_its_text():
        raise KeyError("a fault of ours")


def test_a_folder_that_takes_no_file_is_named_with_a_cure(tmp_path):
    """A file or a dangling link in its place, and Linux's /proc, to which not even root can write."""
    assert require_writable(tmp_path, tmp_path / "made/later") and not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for folder in (tmp_path / "file", tmp_path / "link", "/proc/results"):
        with pytest.raises(ConfigError, match=f"written to {folder} .*\n.*make it writable"):
            require_writable(tmp_path, folder)


def test_logs_of_the_jobs_alone_are_removed(tmp_path):
    for name in ("one.log", "other.log"):
        (tmp_path / name).write_text("of an earlier run")
    remove_logs([SimpleNamespace(log=[str(tmp_path / "one.log"), str(tmp_path / "none.log")])])
    assert [path.name for path in tmp_path.iterdir()] == ["other.log"]
