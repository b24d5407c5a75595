"""Errors say what to do next: their own cure, or that of the block they were raised in."""

import pytest

from jointreg.errors import ConfigError, DataError, default_cure


def test_an_error_without_a_cure_gets_that_of_the_block():
    with pytest.raises(DataError) as caught, default_cure("outer"), default_cure("inner"):
        raise DataError("broken")
    assert str(caught.value) == "broken\n  next:   inner"
    assert caught.value.next_step == "inner"


def test_an_error_keeps_its_own_cure_and_others_pass():
    @default_cure("read the page")
    def read(error):
        raise error

    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            read(ConfigError("broken", "mend it"))
        assert str(caught.value) == "broken\n  next:   mend it"
    with pytest.raises(KeyError, match="x"):
        read(KeyError("x"))
