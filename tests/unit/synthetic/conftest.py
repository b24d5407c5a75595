"""The generator's parameters as they are shipped."""

import pytest
from project import ROOT

from jointreg.synthetic.parameters import Parameters, load_parameters


@pytest.fixture(scope="session")
def parameters() -> Parameters:
    return load_parameters(ROOT / "config" / "generator.yaml")
