"""CLEVR's reader keeps the laws of data sets, and one wrong reader for each law is caught by it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from nmn.datasets.clevr import Clevr
from nmn.errors import InputError
from nmn.testing import DATA_SET_LAWS, LawBroken, check_dataset


@pytest.fixture(scope="module")
def samples(root: Path) -> tuple[Path, Path]:
    folder = root / "demo" / "samples"
    return folder / "scenes.json", folder / "questions.json"


def test_clevr_keeps_the_laws(samples: tuple[Path, Path]) -> None:
    assert len(check_dataset(Clevr(), scenes=samples[0], questions=samples[1])) == len(DATA_SET_LAWS)


@dataclass
class Wrong:
    """CLEVR's reader with one thing the matter."""

    scenes: Callable[[Any, Any], Any] = lambda found, _path: found
    questions: Callable[[Any, Any], Any] = lambda found, _path: found
    name: str = "wrong"
    domain: str = "clevr"
    times: int = 0

    def read_scenes(self, path: Path) -> Any:
        self.times += 1
        return self.scenes(Clevr().read_scenes(path), self)

    def read_questions(self, path: Path) -> Any:
        return self.questions(Clevr().read_questions(path), self)


class WithoutAName:
    domain = "clevr"

    def read_scenes(self, path: Path) -> Any:
        return {}

    def read_questions(self, path: Path) -> Any:
        return []


class Patient(Wrong):
    def read_scenes(self, path: Path) -> Any:
        try:
            return super().read_scenes(path)
        except InputError:
            return {}


def renumbered(found: Any, _self: Any) -> Any:
    return {index + 1: scene for index, scene in found.items()}


def one_sided(found: Any, _self: Any) -> Any:
    def halved(scene: Any) -> Any:
        first, *others = scene.relations
        rows = {first: tuple(() for _ in scene.objects)} | {name: scene.relations[name] for name in others}
        return replace(scene, relations=rows)

    return {index: halved(scene) for index, scene in found.items()}


def repeated(found: Any, _self: Any) -> Any:
    return [*found, found[0]]


def shouted(found: Any, _self: Any) -> Any:
    return [replace(each, answer=None if each.answer is None else each.answer.upper() + "!") for each in found]


def forgetting(found: Any, self: Any) -> Any:
    return dict(list(found.items())[: -self.times])


@pytest.mark.parametrize(
    ("law", "wrong", "message"),
    [
        ("declared", WithoutAName(), "name, domain, read_scenes"),
        ("scenes", Wrong(renumbered), "the key that it stands under"),
        ("relations", Wrong(one_sided), "is the transpose"),
        ("questions", Wrong(questions=repeated), "its number twice"),
        ("answers", Wrong(questions=shouted), "one of yes, no"),
        ("the same again", Wrong(forgetting), "read twice"),
        ("broken files", Patient(), "no complaint"),
    ],
)
def test_a_reader_that_breaks_a_law_is_caught_by_it(
    law: str, wrong: Any, message: str, samples: tuple[Path, Path]
) -> None:
    with pytest.raises(LawBroken, match=message) as caught:
        check_dataset(wrong, scenes=samples[0], questions=samples[1], laws=[law])
    assert caught.value.law == law


def test_every_law_of_data_sets_is_broken_by_somebody() -> None:
    marks = test_a_reader_that_breaks_a_law_is_caught_by_it.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == {law.name for law in DATA_SET_LAWS}


def test_a_file_is_needed() -> None:
    with pytest.raises(InputError, match="needs a file"):
        check_dataset(Clevr())
