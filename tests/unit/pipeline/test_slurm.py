"""What a run on Slurm is refused for before anything is submitted."""

import pytest
import yaml

from jointreg.errors import ConfigError, DataError
from jointreg.pipeline.slurm import (
    PROFILE,
    Request,
    on_gpu_partitions,
    require_alike_arrays,
    require_commands,
    require_one_flag,
    require_room_for_arrays,
    unknown_rules,
)

WAITING = {"prepare": 105, "segment": 105, "optimize": 225, "table_1": 1}


@pytest.mark.parametrize(
    ("array_jobs", "jobs", "limit"),
    [
        ("prepare", 105, 1000),
        ("prepare,segment", 210, 1000),
        ("optimize", 50, 50),  # arrays of 50: the rest follows
        ("table_1", 1, 1000),  # a single job is no array
        ("features", 1, 1000),  # no job of this rule
        ("all", 435, 1000),
    ],
)
def test_arrays_that_fit_are_let_through(array_jobs, jobs, limit):
    require_room_for_arrays(array_jobs, WAITING, jobs, limit)


@pytest.mark.parametrize(
    ("array_jobs", "jobs", "limit", "needed"),
    [
        ("optimize", 224, 1000, 225),
        ("prepare; segment", 105, 1000, 210),  # each alone would fit
        ("optimize", 49, 50, 50),
        ("all", 434, 1000, 435),
    ],
)
def test_arrays_that_would_wait_for_ever_are_refused_with_the_number_that_works(
    array_jobs, jobs, limit, needed
):
    with pytest.raises(ConfigError, match=f"jobs: {needed} ") as caught:
        require_room_for_arrays(array_jobs, WAITING, jobs, limit)
    assert f"`jobs` is {jobs}" in str(caught.value)
    require_room_for_arrays(array_jobs, WAITING, needed, limit)


def test_arrays_of_jobs_with_and_without_a_gpu_are_refused():
    """In an array of the plugin every job gets what the first one asks for."""
    requests = [
        Request("prepare", 0, "", "cpu"),
        Request("optimize", 1, "", "gpu"),
        Request("optimize", 0, "", "gpu"),
    ]
    require_alike_arrays("prepare", requests)
    require_alike_arrays("all", requests[:2])
    for array_jobs in ("prepare; optimize", "all"):
        with pytest.raises(ConfigError, match="jobs of rule optimize ask for different GPUs"):
            require_alike_arrays(array_jobs, requests)


def test_a_gpu_is_asked_for_by_one_flag():
    require_one_flag([Request("optimize", 1, "", "gpu"), Request("segment", 0, "gpu:1", "gpu")])
    twice = [Request(rule, 1, "gpu:a100:1", "") for rule in ("features", "optimize")]
    asked = r"features \(gpu 1, gres gpu:a100:1\), optimize \(gpu 1, gres gpu:a100:1\)\n.*set gpu: 0"
    with pytest.raises(ConfigError, match=asked):
        require_one_flag([Request("prepare", 0, "", ""), *twice])


def test_rules_without_a_gpu_on_the_partition_of_others_are_named():
    optimize = Request("optimize", 1, "", "gpu")
    assert on_gpu_partitions([optimize, Request("segment", 0, "", "gpu")]) == ["segment"]
    assert not on_gpu_partitions([optimize, Request("segment", 0, "", "cpu")])
    everywhere = [Request("optimize", 1, "", ""), Request("segment", 0, "", "")]
    assert not on_gpu_partitions(everywhere), "a site with one partition for all"


def test_misspelt_rules_of_a_profile_are_named_with_the_rule_that_they_resemble():
    rules = ["prepare", "optimize", "optimize_subject"]
    assert unknown_rules(rules, ["optimise", "optimize"], "prepare; mine") == [
        "mine",
        "optimise (did you mean optimize?)",
    ]
    assert not unknown_rules(rules, ["optimize_subject"], "all")


def test_rules_without_requests_of_their_own_ask_for_more_with_every_attempt(root):
    profile = yaml.safe_load((root / PROFILE).read_text())
    asked = profile["default-resources"]
    assert set(asked) == {"runtime", "mem_mb"} and profile["retries"] == 2
    for expression in asked.values():
        first, second = (eval(expression, {"attempt": attempt}) for attempt in (1, 2))
        assert second == 2 * first


def test_a_machine_without_slurm_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DataError, match=r"no Slurm on this machine(.|\n)*login node"):
        require_commands()
