"""The stages and jobs that `jointreg doctor` names are those of Snakemake's own graph."""

import re
from collections import Counter

import pytest
from dry_run import OPEN, planned, snakemake

from jointreg.config import load, read_yaml
from jointreg.config.examples import load_examples
from jointreg.config.sequences import load_sequences
from jointreg.pipeline.required_files import STAGES, jobs, waiting

# Rules of the same stage that read or refine short sequences in one job.
TOGETHER = {
    "estimate_training": "estimate",
    "estimate_test": "estimate",
    "optimize_training": "optimize",
    "split_training": "split_subject",
}


def test_stages_wait_for_what_their_rules_wait_for(checkout):
    graph = snakemake(checkout, "paper", "--rulegraph", "dot", *OPEN).stdout
    labels = re.findall(r'^\s*(\d+)\[.*?label = "(\w+)', graph, re.MULTILINE)
    rules = {number: TOGETHER.get(rule, rule) for number, rule in labels}
    after = {}
    for before, rule in re.findall(r"^\s*(\d+) -> (\d+)", graph, re.MULTILINE):
        after.setdefault(rules[before], set()).add(rules[rule])

    def following(rule):
        """The rule and all after it; rules of a second round come before and after fit_regressor_opt."""
        reached, new = set(), {rule}
        while new:
            reached |= new
            new = set().union(*(after.get(name, ()) for name in new)) - reached
        return reached

    for stage in STAGES:
        assert set(waiting([stage])) == following(stage) & set(STAGES), stage


@pytest.mark.parametrize("short", [True, False])
def test_stages_have_as_many_jobs_as_a_dry_run_plans(checkout, root, monkeypatch, short):
    monkeypatch.chdir(checkout)
    counts = Counter()
    planned_jobs = planned(checkout, "paper", *OPEN, "--config", f"short_sequences={short}")
    for rule, number in planned_jobs.items():
        counts[TOGETHER.get(rule, rule)] += number
    settings = read_yaml(root / "config/config.yaml", root / "config/open.yaml")
    config = load(settings | {"short_sequences": short})
    work = load_sequences(config.sequences)
    expected = jobs(config, work, load_examples(config.figures.examples, work))
    assert {stage: counts[stage] for stage in expected} == expected
