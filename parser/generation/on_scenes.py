"""Questions on scenes: balanced over answers, with the answers of the exact back end."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from nmn.domain import NO, YES
from nmn.errors import InputError, ProgramError
from nmn.exact.backend import ExactBackend
from nmn.parser.generation.description import COUNT, QUERY, Question, program_of
from nmn.parser.generation.generator import Example, QuestionGenerator
from nmn.parser.generation.grounded import GroundedSampler, Unsuitable
from nmn.parser.generation.structure import structure
from nmn.program import Program
from nmn.scenes import Scene

_CANDIDATES = 8  # drawn for one question, of which the one with the rarest answer is taken
_CANDIDATES_COUNTED = 4  # the same for numbers: the largest are rare because few questions have them
_MOST_DRAWS = 60  # for these
_KINDS_TRIED = 40  # on one scene


@dataclass(frozen=True)
class SceneExample:
    """A question on a scene, with its answer.

    Attributes:
        example: The question and its program.
        kind: The operation that gives the answer.
        scene: What it is asked about.
        answer: The right answer.
    """

    example: Example
    kind: str
    scene: Scene
    answer: str


@dataclass(frozen=True)
class _Candidate:
    question: Question
    program: Program
    answer: str


class SceneQuestions:
    """Asks questions on scenes that make sense there, so that no answer is much more frequent than others.

    Of several questions drawn, the one whose answer has been asked for least often, among questions of its operation and
    attribute, is taken.

    Source: rejection sampling of CLEVR's generator (Johnson et al. 2017, arXiv:1612.06890, section 3.3).

    Args:
        generator: Of programs and texts.
        scenes: What is asked about; every fact in them is certain.

    Raises:
        InputError: when no scene holds an object.
        SceneError: when a scene lacks something that the domain names.
    """

    def __init__(self, generator: QuestionGenerator, scenes: Sequence[Scene]) -> None:
        self.generator = generator
        self.backend = ExactBackend(generator.domain, generator.registry)
        self.scenes = [each for each in scenes if each.objects]
        if not self.scenes:
            raise InputError("no scene holds an object, so there is nothing to ask about")
        self.asked: dict[tuple[str, str | None], Counter[str]] = {}
        self._seen: dict[int, set[Program]] = {}
        self._values = _values_present(self.scenes)

    def sample(self, random: Random, number: int, styles: Sequence[str]) -> Iterator[SceneExample]:
        """Questions, as many on one scene as on another, scene by scene.

        Args:
            random: Source of randomness; equal states give equal questions.
            number: How many in all.
            styles: Of which each question has a random one.

        Raises: InputError when a scene allows no more questions.
        """
        places = sorted(random.sample(range(len(self.scenes)), number)) if number < len(self.scenes) else None
        for index in range(number):
            scene = self.scenes[places[index] if places is not None else index * len(self.scenes) // number]
            yield self._one(random, scene, random.choice(list(styles)))

    def _one(self, random: Random, scene: Scene, style: str) -> SceneExample:
        sampler = self.generator.sampler
        grounded = GroundedSampler(sampler, self.generator.domain, self.backend.scene(scene))
        for _ in range(_KINDS_TRIED):
            kind = sampler.kind(random)
            attribute = sampler.attribute(kind, random)
            for candidate in self._candidates(grounded, random, scene, kind, attribute):
                try:
                    text = self.generator.render(candidate.program, random, style)
                except ProgramError:
                    continue
                self.asked[kind, attribute][candidate.answer] += 1
                self._seen.setdefault(scene.image_index, set()).add(candidate.program)
                return SceneExample(Example(text, candidate.program, style), kind, scene, candidate.answer)
        raise InputError(f"image {scene.image_index}: no further question makes sense on this scene; ask for fewer")

    def _candidates(
        self, grounded: GroundedSampler, random: Random, scene: Scene, kind: str, attribute: str | None
    ) -> list[_Candidate]:
        """Questions drawn, those with the rarest answers first."""
        counts = self.asked.setdefault((kind, attribute), Counter())
        rarest = min((counts[each] for each in self._possible(kind, attribute)), default=-1)
        found: list[_Candidate] = []
        most = _CANDIDATES_COUNTED if kind == COUNT else _CANDIDATES
        for _ in range(_MOST_DRAWS):
            try:
                question = grounded.question(random, kind, attribute)
            except Unsuitable:
                continue
            candidate = self._answered(question, scene)
            if candidate is not None:
                found.append(candidate)
                if len(found) == most or counts[candidate.answer] <= rarest:
                    break
        return sorted(found, key=lambda each: counts[each.answer])

    def _answered(self, question: Question, scene: Scene) -> _Candidate | None:
        program = program_of(question)
        if program in self._seen.get(scene.image_index, ()):
            return None
        if self.generator.exclude and structure(program, self.generator.registry) in self.generator.exclude:
            return None
        (answer,) = self.backend.run_exactly([program], [self.backend.scene(scene)], [0])
        return None if answer is None else _Candidate(question, program, answer)

    def _possible(self, kind: str, attribute: str | None) -> Sequence[str]:
        """The answers that questions of a kind can have; none for numbers, which no scene has all of."""
        if kind == COUNT:
            return ()
        return self._values[attribute] if kind == QUERY and attribute is not None else (YES, NO)


def _values_present(scenes: Sequence[Scene]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for scene in scenes:
        for each in scene.objects:
            for attribute, value in each.attributes.items():
                found.setdefault(attribute, {})[value] = None
    return {attribute: tuple(values) for attribute, values in found.items()}
