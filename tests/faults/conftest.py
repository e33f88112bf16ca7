"""What several tests of losses begin with."""

import pytest

from flows.home.settings import Home
from tests.faults.lives import make_lives


@pytest.fixture(scope="session")
def lives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """A home as it was drafted, issued and sent; to be copied, never changed."""
    return make_lives(tmp_path_factory.mktemp("lives"))
