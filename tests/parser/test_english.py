"""English questions, examples: wordings, ambiguity, other domains."""

import pickle
from pathlib import Path

import pytest

from nmn.domain import Domain
from nmn.parse import Parse, Parser
from nmn.parser.english import EnglishParser
from nmn.parser.grammar import closed_phrases, grammar
from nmn.parser.lexicon import plural

PARSER = EnglishParser(Domain.load("clevr"))


def read(question: str) -> tuple[Parse, ...]:
    return PARSER.parse(question)


def text(question: str) -> str:
    return read(question)[0].program.text


def test_it_is_a_parser() -> None:
    parser: Parser = PARSER
    (parse,) = parser.parse("How many cubes are there?")
    assert parse.link == parser.name == "grammar"
    assert parse.confidence == 1
    assert 0 < parse.cost < 10


def test_it_can_be_sent_to_another_process() -> None:
    sent = pickle.loads(pickle.dumps(EnglishParser(PARSER.domain, most_readings=1)))
    assert sent.parse("How many cubes are there?")[0].program == read("How many cubes are there?")[0].program
    assert sent.most_readings == 1


CUBE, BALL, RED = "filter(scene(), shape=cube)", "filter(scene(), shape=sphere)", "filter(scene(), color=red)"


@pytest.mark.parametrize(
    ("question", "program"),
    [
        ("Are any cubes visible?", f"exist({CUBE})"),
        ("Is there anything red?", f"exist({RED})"),
        ("Can you see a cube in the image?", f"exist({CUBE})"),
        ("Count the cubes.", f"count({CUBE})"),
        ("How many of the cubes are red?", "count(filter(scene(), color=red, shape=cube))"),
        ("How many red things are cubes?", "count(filter(scene(), color=red, shape=cube))"),
        ("What is the number of cubes?", f"count({CUBE})"),
        ("How many cubes, balls and red things are there?", f"count(union(union({CUBE}, {BALL}), {RED}))"),
        (
            "How many things are red, left of the ball or cubes?",
            f"count(union(union({RED}, relate(unique({BALL}), left)), {CUBE}))",
        ),
        ("What colour is the grey ball?", "query[color](unique(filter(scene(), color=gray, shape=sphere)))"),
        ("How large is the cube?", f"query[size](unique({CUBE}))"),
        ("What color does the cube have?", f"query[color](unique({CUBE}))"),
        ("What's the cube's color?", f"query[color](unique({CUBE}))"),
        ("The cube is made of what material?", f"query[material](unique({CUBE}))"),
        ("The cube has what color?", f"query[color](unique({CUBE}))"),
        (
            "What is the size of the red or blue ball?",
            "query[size](unique(union(filter(scene(), color=red, shape=sphere), filter(scene(), color=blue, shape=sphere))))",
        ),
        (
            "How many things are left of or behind the ball?",
            f"let a = unique({BALL}); count(union(relate(a, left), relate(a, behind)))",
        ),
        (
            "How many things are left of the cube or the ball?",
            f"count(union(relate(unique({CUBE}), left), relate(unique({BALL}), left)))",
        ),
        (
            "How many things are left of both the cube and the ball?",
            f"count(intersect(relate(unique({BALL}), left), relate(unique({CUBE}), left)))",
        ),
        (
            "Are there any things of the same color as either the cube or the ball?",
            f"exist(union(same[color](unique({CUBE})), same[color](unique({BALL}))))",
        ),
        (
            "Is the ball left of the red or blue cube?",
            (
                "exist(filter(relate(unique(union(filter(scene(), color=red, shape=cube), "
                "filter(scene(), color=blue, shape=cube))), left), shape=sphere))"
            ),
        ),
        ("Are there more cubes than there are balls?", f"greater_than(count({CUBE}), count({BALL}))"),
        ("Is the number of cubes less than that of balls?", f"less_than(count({CUBE}), count({BALL}))"),
        (
            "How many things are red, left of the cube that is behind the ball, or small?",
            (
                f"count(union(union({RED}, relate(unique(filter(relate(unique({BALL}), behind), shape=cube)), left)), "
                "filter(scene(), size=small)))"
            ),
        ),
        (
            "Does cube have same color as ball?",
            f"equal[color](query[color](unique({CUBE})), query[color](unique({BALL})))",
        ),
        ("Is there cube to left of ball?", f"exist(filter(relate(unique({BALL}), left), shape=cube))"),
        (
            "How many things are the same size and color as the ball?",
            f"let a = unique({BALL}); count(intersect(same[color](a), same[size](a)))",
        ),
        (
            "How many things whose color is red are left of the ball?",
            f"count(filter(relate(unique({BALL}), left), color=red))",
        ),
        ("How many things have the same color as the ball?", f"count(same[color](unique({BALL})))"),
        ("How many things share the same color as the ball?", f"count(same[color](unique({BALL})))"),
        (
            "What size is the thing whose shape is the same as the ball?",
            f"query[size](unique(same[shape](unique({BALL}))))",
        ),
        ("Do any cubes have the same color as the ball?", f"exist(filter(same[color](unique({BALL})), shape=cube))"),
        ("There is a ball; how many other things share its color?", f"count(same[color](unique({BALL})))"),
        ("There's a ball; is it red?", "exist(filter(scene(), color=red, shape=sphere))"),
        ("There is a ball; is it left of the cube?", f"exist(filter(relate(unique({CUBE}), left), shape=sphere))"),
        ("Is the ball left of the cube?", f"exist(filter(relate(unique({CUBE}), left), shape=sphere))"),
        ("Is the red thing a cube?", "exist(filter(scene(), color=red, shape=cube))"),
        ("Is the cube the same thing as the ball?", f"equal_object(unique({CUBE}), unique({BALL}))"),
        ("Are the cube and the ball the same object?", f"equal_object(unique({CUBE}), unique({BALL}))"),
        (
            "Are the colors of the cube and the ball the same?",
            f"equal[color](query[color](unique({CUBE})), query[color](unique({BALL})))",
        ),
        (
            "Is the cube's color the same as the ball's?",
            f"equal[color](query[color](unique({CUBE})), query[color](unique({BALL})))",
        ),
        (
            "Is the color of the cube the same as that of the ball?",
            f"equal[color](query[color](unique({CUBE})), query[color](unique({BALL})))",
        ),
        ("Are there as many cubes as balls?", f"equal_integer(count({CUBE}), count({BALL}))"),
        ("Is the number of cubes equal to the number of balls?", f"equal_integer(count({CUBE}), count({BALL}))"),
        (
            "Are there fewer cubes than things made of rubber?",
            f"less_than(count({CUBE}), count(filter(scene(), material=rubber)))",
        ),
    ],
)
def test_wordings(question: str, program: str) -> None:
    assert text(question) == program


def test_it_is_one_shared_node() -> None:
    shared = "let a = unique(filter(scene(), shape=cube)); count(intersect(same[color](a), relate(a, left)))"
    assert text("There is a cube; how many things are left of it and the same color as it?") == shared


def test_a_modifier_without_a_verb_may_belong_to_either_noun() -> None:
    nearest, further = read("What color is the thing right of the ball behind the cube?")
    assert (
        "relate(unique(filter(relate(unique(filter(scene(), shape=cube)), behind), shape=sphere)), right)"
        in nearest.program.text
    )
    assert "intersect(" in further.program.text
    assert nearest.confidence > 0.9 > further.confidence > 0


def test_a_relative_clause_belongs_to_the_nearest_noun_of_its_number() -> None:
    (singular,) = read("How many cubes are left of the ball that is red?")
    (plural_form,) = read("How many cubes left of the ball that are red are there?")
    assert (
        singular.program.text
        == "count(filter(relate(unique(filter(scene(), color=red, shape=sphere)), left), shape=cube))"
    )
    assert (
        plural_form.program.text
        == "count(filter(relate(unique(filter(scene(), shape=sphere)), left), color=red, shape=cube))"
    )


def test_and_after_a_nested_clause_has_two_readings() -> None:
    inner, outer = read("How many things are left of the cube that is behind the ball and right of the cylinder?")
    assert inner.program.nodes[-2].operation == "relate"
    assert outer.program.nodes[-2].operation == "intersect"
    assert inner.confidence == pytest.approx(0.8)


def test_both_says_where_and_belongs() -> None:
    (parse,) = read("How many things are both left of the cube that is behind the ball and right of the cylinder?")
    assert parse.program.nodes[-2].operation == "intersect"


@pytest.mark.parametrize(
    "question",
    [
        "How many things are either cubes that are the same color as the ball or red things?",
        "How many things are either cubes left of the thing that is red or balls?",
    ],
)
def test_either_says_where_or_belongs(question: str) -> None:
    (parse,) = read(question)
    assert parse.program.nodes[-2].operation == "union"


def test_either_within_a_noun_keeps_its_or() -> None:
    (parse,) = read("How many things are left of the thing that is either a red cube or a ball?")
    assert parse.program.nodes[-2].operation == "relate"


def test_the_order_in_which_or_joins_is_no_second_reading() -> None:
    (parse,) = read("How many things are green objects, cubes or blue balls?")
    assert [node.operation for node in parse.program.nodes].count("union") == 2


def test_values_before_a_choice_are_shared_first() -> None:
    shared, own = read("How many small red or blue cubes are there?")
    assert shared.program.text.count("size=small") == 2
    assert own.program.text.count("size=small") == 1


def test_joined_things_are_told_from_joined_anchors() -> None:
    (parse,) = read("Do the cube left of the ball and the cylinder have the same size?")
    assert parse.program.text.startswith(
        "equal[size](query[size](unique(filter(relate(unique(filter(scene(), shape=sphere)), left)"
    )


def test_readings_can_be_limited() -> None:
    question = "What color is the thing right of the ball behind the cube left of the cylinder in front of the block?"
    assert len(EnglishParser(PARSER.domain, most_readings=1).parse(question)) == 1
    assert len(EnglishParser(PARSER.domain, most_readings=3).parse(question)) == 3


@pytest.mark.parametrize("depth", [1, 10, 300])
def test_nesting_has_no_limit_but_that_of_length(depth: int) -> None:
    question = "How many things are left of the cube" + " that is left of the cube" * depth
    (parse,) = read(question)
    assert len(parse.program.nodes) == 5 + 3 * depth


def test_closed_words_stand_in_the_grammar_file() -> None:
    found = {terminal.name: closed_phrases(terminal) for terminal in grammar().terminals}
    assert set(found["A"]) == {"a", "an"}
    assert {"how many", "what number of"} <= set(found["HOW_MANY"])
    assert "there 's" in found["THERE_IS"]


def test_plurals_are_regular() -> None:
    assert [plural(word) for word in ("cube", "box", "berry", "toy", "brush", "glass")] == [
        "cubes", "boxes", "berries", "toys", "brushes", "glasses",
    ]  # fmt: skip


KITCHEN = """
name = "kitchen"
version = 1
nouns = ["item"]

[attributes.kind]
words = ["kind", "sort"]
values_are = "nouns"
[attributes.kind.values]
berry = ["berry"]
wine_glass = ["wine glass"]
dish = ["dish", "plate"]

[attributes.shade]
words = ["shade"]
asked_as = ["how dark"]
[attributes.shade.values]
dark = ["dark"]
light_blue = ["light blue"]
light = ["light"]

[attributes.cover]
words = ["cover"]
predicate = "covered in"
[attributes.cover.values]
sugar = ["sugar", "sugar-coated"]
dust = ["dust"]

[relations.above]
words = ["above", "on top of"]
inverse = "below"

[relations.below]
words = ["below"]
inverse = "above"
"""


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> EnglishParser:
    path: Path = tmp_path_factory.mktemp("domain") / "kitchen.toml"
    path.write_text(KITCHEN)
    return EnglishParser(Domain.load(path))


@pytest.mark.parametrize(
    ("question", "program"),
    [
        (
            "How many berries are on top of the dark dish?",
            "count(filter(relate(unique(filter(scene(), kind=dish, shade=dark)), above), kind=berry))",
        ),
        (
            "How many dishes or wine glasses are there?",
            "count(union(filter(scene(), kind=dish), filter(scene(), kind=wine_glass)))",
        ),
        ("How dark is the berry?", "query[shade](unique(filter(scene(), kind=berry)))"),
        ("What is the plate covered in?", "query[cover](unique(filter(scene(), kind=dish)))"),
        ("Is there a light blue item covered in sugar?", "exist(filter(scene(), shade=light_blue, cover=sugar))"),
        ("Is there a sugar coated light berry?", "exist(filter(scene(), kind=berry, shade=light, cover=sugar))"),
        (
            "Are any other items of the same sort as the light berry?",
            "exist(same[kind](unique(filter(scene(), kind=berry, shade=light))))",
        ),
        (
            "What sort is the item below the wine glass?",
            "query[kind](unique(relate(unique(filter(scene(), kind=wine_glass)), below)))",
        ),
        (
            "Are the plate and the berry covered in the same cover?",
            "equal[cover](query[cover](unique(filter(scene(), kind=dish))), query[cover](unique(filter(scene(), kind=berry))))",
        ),
    ],
)
def test_another_domain_needs_no_change_of_the_parser(kitchen: EnglishParser, question: str, program: str) -> None:
    assert kitchen.parse(question)[0].program.text == program


def test_words_of_one_domain_are_unknown_in_another(kitchen: EnglishParser) -> None:
    with pytest.raises(Exception, match="unknown word 'cubes'"):
        kitchen.parse("How many cubes are there?")
