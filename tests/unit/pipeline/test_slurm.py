"""Job arrays that cannot become complete are refused, and those that can are not."""

import pytest

from jointreg.errors import ConfigError
from jointreg.pipeline.slurm import require_room_for_arrays

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
