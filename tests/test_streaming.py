"""Streams: order, errors in their places, images looked at once, bounded memory."""

import tracemalloc
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest
from worlds import random_scene

from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import ImageError, NmnError, QuestionError, SceneError
from nmn.scenes import Scene
from nmn.trace import Answer

CLEVR = Domain.load("clevr")
ENGINE = Engine.for_scenes("clevr")
SCENES = [random_scene(Random(seed), CLEVR, 6) for seed in range(20)]
TEXTS = ["How many cubes are there?", "Are there any red things?", "How many small things are there?"]


def items(number: int) -> Iterator[tuple[Scene, str]]:
    for index in range(number):
        yield SCENES[index // 3 % len(SCENES)], TEXTS[index % 3]


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (7, 2), (256, 4)])
def test_a_stream_gives_what_single_questions_give_in_order(batch_size: int, workers: int) -> None:
    found = list(ENGINE.answer_many(items(60), batch_size=batch_size, workers=workers))
    alone = [ENGINE.answer(scene, text) for scene, text in items(60)]
    assert [(each.question, each.value) for each in found if isinstance(each, Answer)] == [
        (each.question, each.value) for each in alone
    ]


def test_an_item_that_cannot_be_used_gives_its_error_and_the_others_go_on() -> None:
    given: list[tuple[Any, Any]] = [
        (SCENES[0], TEXTS[0]),
        ("no scene", TEXTS[0]),
        (SCENES[1], "?"),
        (SCENES[2], ImageError("its image is missing")),
        (SCENES[3], TEXTS[1]),
    ]
    found = list(ENGINE.answer_many(given, batch_size=2))
    assert [type(each) for each in found] == [Answer, SceneError, QuestionError, ImageError, Answer]


def test_an_empty_stream_gives_nothing() -> None:
    assert list(ENGINE.answer_many([])) == []


def test_no_more_is_read_ahead_than_two_batches() -> None:
    read = 0

    def counted() -> Iterator[tuple[Scene, str]]:
        nonlocal read
        for item in items(1000):
            read += 1
            yield item

    stream = ENGINE.answer_many(counted(), batch_size=10)
    list(islice(stream, 10))
    assert read <= 30


def test_memory_does_not_grow_with_the_stream() -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        for _ in ENGINE.answer_many(items(number), batch_size=32):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(200)  # fills what is kept on purpose
    assert peak(1000) < 1.5 * peak(200)


def test_what_was_answered_is_kept_when_the_source_fails() -> None:
    def failing() -> Iterator[tuple[Scene, str]]:
        yield from items(4)
        raise RuntimeError("the source broke")

    stream = ENGINE.answer_many(failing(), batch_size=2)
    with pytest.raises(RuntimeError, match="the source broke"):
        list(stream)


def test_errors_are_of_our_tree() -> None:
    (error,) = ENGINE.answer_many([(None, TEXTS[0])])
    assert isinstance(error, NmnError)
