"""Every operation of the library keeps every law of modules."""

import pytest

from nmn.registry import default_registry
from nmn.testing import MODULE_LAWS, check_module

REGISTRY = default_registry()


@pytest.mark.parametrize("operation", [each.operation for each in REGISTRY])
def test_it_keeps_every_law(operation: str) -> None:
    assert check_module(REGISTRY.load(operation)) == tuple(law.name for law in MODULE_LAWS)
