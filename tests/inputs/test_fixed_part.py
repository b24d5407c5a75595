"""A fixed part of the damaged inputs: each is refused in words, or gives the number of a sound one."""

import pytest

from inputs.kinds import CASES
from inputs.run import run

EVERY = 50
KINDS = list(dict.fromkeys(case.original.kind for case in CASES))


def test_no_case_stands_twice():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 1500


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_inputs_meet_the_right_answer(kind):
    chosen = [case for case in CASES if case.original.kind == kind][::EVERY]
    wrong = [result for result in run(chosen, seed=0) if result.verdict not in ("GOOD", "SILENT*")]
    assert not wrong, "\n".join(f"{one.verdict} {one.case.name}: {one.text[:500]}" for one in wrong)
