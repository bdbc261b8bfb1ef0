"""Questions of the forms that CLEVR's generator writes most, in patterns of our own; noise is laid over them."""

from collections.abc import Callable
from random import Random

from compositions import FAMILIES
from phrasing import Question, Writer, both, compare_counts, count, either, exist, query, same_value

from nmn.domain import Domain


def count_kind(write: Writer) -> Question:
    """Count things of two kinds."""
    return count(write, write.is_one_of(write.noun(), write.noun()))


def count_placed(write: Writer) -> Question:
    """Count what is in a place."""
    return count(write, write.placed())


def count_alike(write: Writer) -> Question:
    """Count what matches an object."""
    return count(write, write.like(), other=True)


def count_between(write: Writer) -> Question:
    """Count what is in two places."""
    return count(write, both(write.placed(), write.placed()))


def count_in_either(write: Writer) -> Question:
    """Count things in either place."""
    return count(write, either(write.placed(), write.placed()))


def exist_kind(write: Writer) -> Question:
    """Whether there is a kind of thing."""
    return exist(write, write.noun())


def exist_placed(write: Writer) -> Question:
    """Whether something is in a place."""
    return exist(write, write.thing(write.placed()))


def exist_alike(write: Writer) -> Question:
    """Whether something matches an object."""
    return exist(write, write.thing(write.like()))


def query_kind(write: Writer) -> Question:
    """Ask for an attribute of a thing."""
    asked = write.attribute()
    return query(write, write.noun(without={asked.name}, most=3), asked)


def query_placed(write: Writer) -> Question:
    """Ask for an attribute of what is in a place."""
    asked = write.attribute()
    return query(write, write.thing(write.placed(), without={asked.name}), asked)


def query_alike(write: Writer) -> Question:
    """Ask for an attribute of what matches an object."""
    asked = write.attribute()
    return query(write, write.thing(write.like(without={asked.name}), without={asked.name}), asked)


def query_after_two(write: Writer) -> Question:
    """Ask for an attribute after two relations."""
    asked = write.attribute()
    return query(write, write.thing(write.placed(write.thing(write.placed())), without={asked.name}), asked)


def compare_kinds(write: Writer) -> Question:
    """Compare how many there are of two kinds."""
    return compare_counts(write, write.noun(), write.noun())


def same_value_of_kinds(write: Writer) -> Question:
    """Compare an attribute of two things."""
    asked = write.attribute()
    return same_value(write, write.noun(without={asked.name}), write.noun(without={asked.name}), asked)


ORDINARY: tuple[Callable[[Writer], Question], ...] = (
    *(count_kind, count_placed, count_alike, count_between, count_in_either, exist_kind, exist_placed, exist_alike),
    *(query_kind, query_placed, query_alike, query_after_two, compare_kinds, same_value_of_kinds),
)
_ORDINARY_SHARE = 0.7


def any_question(random: Random, domain: Domain) -> Question:
    """An ordinary question, or now and then a new composition."""
    if random.random() < _ORDINARY_SHARE:
        return random.choice(ORDINARY)(Writer(random, domain))
    return random.choice(FAMILIES).make(random, domain)
