"""The public list: what `import nmn` offers, each from its home, at no cost before it is used."""

import subprocess
import sys
from importlib import import_module

import pytest

import nmn

GOLDEN = [
    *("Answer", "Domain", "Engine", "InputError", "NmnError", "PresuppositionError", "Program", "Registry", "Scene"),
    *("SceneObject", "default_registry", "module", "parse_program"),
]


def test_the_list_is_this() -> None:
    assert nmn.__all__ == GOLDEN
    assert set(GOLDEN) <= set(dir(nmn))


@pytest.mark.parametrize("name", GOLDEN)
def test_a_name_is_that_of_its_home(name: str) -> None:
    found = getattr(nmn, name)
    assert found is getattr(import_module(found.__module__), name)


def test_what_is_not_there_is_said_not_to_be() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Enginee'"):
        _ = nmn.Enginee  # type: ignore[attr-defined]


def test_importing_it_loads_nothing_else() -> None:
    listed = "before = set(sys.modules); import nmn; print(*sorted(set(sys.modules) - before))"
    command = [sys.executable, "-P", "-c", f"import sys, typing, collections.abc; {listed}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["nmn"]


def test_the_shortest_program_runs() -> None:
    domain = nmn.Domain.load("clevr")
    program = nmn.parse_program("count(scene())", nmn.default_registry()).program
    scene = nmn.Scene(0, None, (), {relation.name: () for relation in domain.relations})
    assert nmn.Engine.for_scenes(domain).answer(scene, program).value == "0"
