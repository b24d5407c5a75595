"""The stages and jobs that `jointreg doctor` names are those of Snakemake's own graph."""

import re

from dry_run import OPEN, planned, snakemake

from jointreg.config.examples import load_examples
from jointreg.config.sequences import load_sequences
from jointreg.pipeline.required_files import STAGES, jobs, waiting


def test_stages_wait_for_what_their_rules_wait_for(checkout):
    graph = snakemake(checkout, "paper", "--rulegraph", "dot", *OPEN).stdout
    rules = dict(re.findall(r'^\s*(\d+)\[.*?label = "(\w+)', graph, re.MULTILINE))
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


def test_stages_have_as_many_jobs_as_a_dry_run_plans(checkout, open_config, monkeypatch):
    monkeypatch.chdir(checkout)
    counts = planned(checkout, "paper", *OPEN)
    work = load_sequences(open_config.sequences)
    expected = jobs(open_config, work, load_examples(open_config.figures.examples, work))
    assert {stage: counts[stage] for stage in expected} == expected
