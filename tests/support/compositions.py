"""Forty families of questions whose programs have a structure that no file of CLEVR's generator has.

They measure what a parser makes of parts that it knows, put together as it never saw them (as CLOSURE does for matching,
Bahdanau et al. 2019, arXiv:1912.05783). Every family writes its words by a pattern of its own and builds the program call by
call; the grammar takes no part in it.
"""

from families import FAMILIES as FAMILIES
from families import QUESTIONS_OF_EACH as QUESTIONS_OF_EACH
from families import Family as Family
from families import family
from phrasing import Call, Noun, Question, Writer, both, compare_counts, count, either, exist, query, same_value

# Matching and relations nested in one another.


@family
def count_beside_matched(write: Writer) -> Question:
    """Count what is placed by an object found by matching."""
    return count(write, write.placed(write.thing(write.like())))


@family
def count_matching_placed(write: Writer) -> Question:
    """Count what matches an object found by its place."""
    return count(write, write.like(write.thing(write.placed())), other=True)


@family
def query_after_two_matches(write: Writer) -> Question:
    """Ask for an attribute of what is found through two hops of matching."""
    asked = write.attribute()
    second = write.like(write.thing(write.like(without={asked.name}), without={asked.name}), without={asked.name})
    return query(write, write.thing(second, without={asked.name}), asked)


@family
def exist_beside_matching_placed(write: Writer) -> Question:
    """Whether something is placed by what matches something placed."""
    return exist(write, write.thing(write.placed(write.thing(write.like(write.thing(write.placed()))))))


@family
def count_matching_beside_matched(write: Writer) -> Question:
    """Count what matches something placed by something matched."""
    return count(write, write.like(write.thing(write.placed(write.thing(write.like())))))


@family
def exist_matching_placed(write: Writer) -> Question:
    """Whether something matches an object found by its place."""
    return exist(write, write.thing(write.like(write.thing(write.placed()))))


@family
def exist_two_places_from_matched(write: Writer) -> Question:
    """Whether something is two places away from what is matched."""
    return exist(write, write.thing(write.placed(write.thing(write.placed(write.thing(write.like()))))))


@family
def query_matching_after_two_places(write: Writer) -> Question:
    """Ask for an attribute of what matches an object found through two places."""
    asked = write.attribute()
    anchor = write.thing(write.placed(write.thing(write.placed())))
    return query(write, write.thing(write.like(anchor, without={asked.name}), without={asked.name}), asked)


@family
def count_after_four_places(write: Writer) -> Question:
    """Count what is placed at the end of a chain of four relations."""
    anchor = write.noun()
    for _ in range(3):
        anchor = write.thing(write.placed(anchor), most=1)
    return count(write, write.placed(anchor))


@family
def query_after_four_places(write: Writer) -> Question:
    """Ask for an attribute at the end of a chain of four relations."""
    asked = write.attribute()
    anchor = write.noun()
    for _ in range(3):
        anchor = write.thing(write.placed(anchor), most=1)
    return query(write, write.thing(write.placed(anchor), without={asked.name}), asked)


# Conditions joined by "and".


@family
def count_placed_and_matching(write: Writer) -> Question:
    """Count what is both placed and matched."""
    return count(write, both(write.placed(), write.like()))


@family
def exist_matching_and_placed(write: Writer) -> Question:
    """Whether something is both matched and placed."""
    return exist(write, write.thing(both(write.like(), write.placed())))


@family
def query_matching_twice(write: Writer) -> Question:
    """Ask for an attribute of what matches two objects."""
    asked = write.attribute()
    first = write.attribute(without={asked.name})
    second = write.attribute(without={asked.name, first.name})
    condition = both(write.like(attribute=first), write.like(attribute=second))
    return query(write, write.thing(condition, without={asked.name}), asked)


@family
def count_in_three_places(write: Writer) -> Question:
    """Count what meets three relations."""
    return count(write, both(write.placed(), write.placed(), write.placed()))


@family
def exist_three_conditions(write: Writer) -> Question:
    """Whether something meets a relation, a match and another relation."""
    return exist(write, write.thing(both(write.placed(), write.like(), write.placed())))


@family
def query_in_three_places(write: Writer) -> Question:
    """Ask for an attribute of the one that meets three relations."""
    asked = write.attribute()
    condition = both(write.placed(), write.placed(), write.placed())
    return query(write, write.thing(condition, without={asked.name}), asked)


@family
def count_beside_joined(write: Writer) -> Question:
    """Count what is placed by the one that meets two relations."""
    return count(write, write.placed(write.thing(both(write.placed(), write.placed()))))


@family
def query_matching_joined(write: Writer) -> Question:
    """Ask for an attribute of what matches the one that meets two relations."""
    asked = write.attribute()
    anchor = write.thing(both(write.placed(), write.placed()))
    return query(write, write.thing(write.like(anchor, without={asked.name}), without={asked.name}), asked)


@family
def count_chain_and_place(write: Writer) -> Question:
    """Count what is both at the end of a chain and in a place."""
    return count(write, both(write.placed(write.thing(write.placed())), write.placed()))


@family
def exist_two_chains(write: Writer) -> Question:
    """Whether something is at the end of two chains."""
    chains = both(write.placed(write.thing(write.placed(), most=1)), write.placed(write.thing(write.placed(), most=1)))
    return exist(write, write.thing(chains))


@family
def count_like_and_beside_it(write: Writer) -> Question:
    """Count what both matches and is placed by one object, named once and itself found by its place."""
    it = write.thing(write.placed())
    attribute = write.attribute()
    relation = write.random.choice(write.domain.relations)
    same = Call("same", (it.one,), attribute.name)
    placed = Call("relate", (it.one,), None, (relation.name,))
    plain = write.plain(without={attribute.name})
    said = f"both of the same {write.random.choice(attribute.words)} as it and {write.random.choice(relation.words)} it"
    members = plain.within(Call("intersect", (placed, same)), write.order)
    text = f"There is {it.a}; how many {plain.plural} are {said}?"
    return Question(text, Call("count", (members,)).program())


@family
def exist_alike_in_two_ways(write: Writer) -> Question:
    """Whether something matches an object found by its place in two attributes."""
    anchor = write.thing(write.placed())
    first = write.attribute()
    second = write.attribute(without={first.name})
    words = [write.random.choice(attribute.words) for attribute in (first, second)]
    plain = write.plain(without={first.name, second.name})
    matches = (Call("same", (anchor.one,), second.name), Call("same", (anchor.one,), first.name))
    members = plain.within(Call("intersect", matches), write.order)
    text = f"Are there any other {plain.plural} that have the same {words[0]} and {words[1]} as {anchor.the}?"
    return Question(text, Call("exist", (members,)).program())


# Alternatives, joined by "or".


@family
def count_placed_or_matching(write: Writer) -> Question:
    """Count what is placed or matched."""
    return count(write, either(write.placed(), write.like()))


@family
def exist_in_either_place(write: Writer) -> Question:
    """Whether something is in one of two places."""
    return exist(write, write.thing(either(write.placed(), write.placed())))


@family
def exist_in_one_of_three_places(write: Writer) -> Question:
    """Whether something is in one of three places."""
    return exist(write, write.thing(either(write.placed(), write.placed(), write.placed())))


@family
def query_in_either_place(write: Writer) -> Question:
    """Ask for an attribute of the one in either of two places."""
    asked = write.attribute()
    return query(write, write.thing(either(write.placed(), write.placed()), without={asked.name}), asked)


@family
def count_three_kinds(write: Writer) -> Question:
    """Count things of three kinds together."""
    first, second, third = write.noun(), write.noun(), write.noun()
    members = Call("union", (Call("union", (first.members, second.members)), third.members))
    listed = f"{first.plural}, {second.plural} or {third.plural}"
    text = write.pick(f"How many {listed} are there?", f"How many things are {listed}?")
    return Question(text, Call("count", (members,)).program())


@family
def count_union_of_joined(write: Writer) -> Question:
    """Count the union of two sets that each meet two relations."""
    kinds = [write.thing(both(write.placed(), write.placed()), most=1) for _ in range(2)]
    members = Call("union", (kinds[0].members, kinds[1].members))
    text = f"How many things are either {kinds[0].plural} or {kinds[1].plural}?"
    return Question(text, Call("count", (members,)).program())


@family
def count_kind_or_matched(write: Writer) -> Question:
    """Count things of a kind together with what is matched."""
    first, second = write.noun(), write.thing(write.like())
    members = Call("union", (first.members, second.members))
    text = f"How many objects are either {first.plural} or {second.plural}?"
    return Question(text, Call("count", (members,)).program())


@family
def count_beside_either(write: Writer) -> Question:
    """Count what is placed by the one object of either of two kinds."""
    return count(write, write.placed(_either_kind(write)))


@family
def query_matching_either(write: Writer) -> Question:
    """Ask for an attribute of what matches the one object of either of two kinds."""
    asked = write.attribute()
    like = write.like(_either_kind(write), without={asked.name})
    return query(write, write.thing(like, without={asked.name}), asked)


def _either_kind(write: Writer) -> Noun:
    """ "thing that is either a red cube or a ball"."""
    condition = write.is_one_of(write.noun(), write.noun())
    noun = write.random.choice(write.domain.nouns)
    return Noun(f"{noun} that is {condition.singular}", f"{noun}s that are {condition.plural}", condition.members)


# Two counts compared.


@family
def compare_counts_matched(write: Writer) -> Question:
    """Compare the counts of two matched sets."""
    return compare_counts(write, write.thing(write.like()), write.thing(write.like()))


@family
def compare_counts_matched_and_placed(write: Writer) -> Question:
    """Compare the counts of a matched set and a placed one."""
    return compare_counts(write, write.thing(write.like()), write.thing(write.placed()))


@family
def compare_counts_joined(write: Writer) -> Question:
    """Compare the count of what meets two relations with that of a kind."""
    return compare_counts(write, write.thing(both(write.placed(), write.placed())), write.noun())


@family
def compare_counts_chained(write: Writer) -> Question:
    """Compare the counts at the ends of two chains."""
    first, second = (write.thing(write.placed(write.thing(write.placed(), most=1)), most=1) for _ in range(2))
    return compare_counts(write, first, second)


# Two attributes compared.


@family
def same_value_of_matched(write: Writer) -> Question:
    """Compare an attribute of what is matched with that of another."""
    asked = write.attribute()
    first = write.thing(write.like(without={asked.name}), without={asked.name})
    return same_value(write, first, write.noun(without={asked.name}), asked)


@family
def same_value_after_two_matches(write: Writer) -> Question:
    """Compare an attribute of what is found through two hops of matching with that of what is placed."""
    asked = write.attribute()
    without = {asked.name}
    inner = write.thing(write.like(without=without), without=without, most=1)
    first = write.thing(write.like(inner, without=without), without=without, most=1)
    return same_value(write, first, write.thing(write.placed(), without=without), asked)


@family
def same_value_of_joined(write: Writer) -> Question:
    """Compare an attribute of the one that meets two relations with that of what is matched."""
    asked = write.attribute()
    without = {asked.name}
    first = write.thing(both(write.placed(), write.placed()), without=without)
    return same_value(write, first, write.thing(write.like(without=without), without=without), asked)


# Identity.


@family
def same_object_placed_and_matched(write: Writer) -> Question:
    """Whether what is placed is the very thing that is matched."""
    first, second = write.thing(write.placed()), write.thing(write.like())
    text = f"Is {first.the} the same {write.random.choice(write.domain.nouns)} as {second.the}?"
    return Question(text, Call("equal_object", (first.one, second.one)).program())


@family
def same_object_after_two_places(write: Writer) -> Question:
    """Whether what is at the end of a chain is the very thing that meets two relations."""
    first = write.thing(write.placed(write.thing(write.placed())))
    second = write.thing(both(write.placed(), write.placed()))
    text = f"Is {first.the} the same {write.random.choice(write.domain.nouns)} as {second.the}?"
    return Question(text, Call("equal_object", (first.one, second.one)).program())
