"""The sample's homes, as tests/flows makes them."""

from tests.flows.conftest import sample

__all__ = ["sample"]
