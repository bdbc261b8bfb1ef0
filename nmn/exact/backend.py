"""ExactBackend: answers programs on scenes of which everything is certain."""

from collections.abc import Sequence

from nmn.domain import Domain
from nmn.exact.compiled import RULE, Compiled, compile_program
from nmn.exact.explained import explain, make_trace
from nmn.exact.scene import DescribedScene, ExactScene, exact_scene
from nmn.program import Program
from nmn.registry import Registry, default_registry
from nmn.scenes import Scene
from nmn.trace import Answer

PROGRAMS_KEPT = 2**16
SCENES_KEPT = 2**12


class ExactBackend:
    """Answers by exact rules: official set semantics, one plain Python value a node.

    A program is compiled when first seen and kept, a scene likewise; both caches are emptied when full.

    Source: the symbolic executor of NS-VQA (Yi et al. 2018, arXiv:1810.02338); bit masks, compiled steps and rules that
    stand beside their modules are ours.

    Args:
        domain: What scenes and programs speak of.
        registry: The operations; those of the module library and of plug-ins if None.
    """

    def __init__(self, domain: Domain, registry: Registry | None = None) -> None:
        self.domain = domain
        self.registry = default_registry() if registry is None else registry
        self._compiled: dict[Program, Compiled] = {}
        self._scenes: dict[int, DescribedScene] = {}

    def compile(self, program: Program) -> Compiled:
        """A checked program made ready.

        Raises: ProgramError when one of its operations has no exact rule.
        """
        found = self._compiled.get(program)
        if found is None:
            if len(self._compiled) >= PROGRAMS_KEPT:
                self._compiled.clear()
            found = self._compiled[program] = compile_program(program, self.domain, self.registry)
        return found

    def has_rules(self, program: Program) -> bool:
        """Whether every operation of a program has an exact rule."""
        if program in self._compiled:
            return True
        return all(hasattr(self.registry.load(node.operation), RULE) for node in program.nodes)

    def scene(self, scene: Scene) -> DescribedScene:
        """A scene made ready. Raises: SceneError."""
        # By identity, since a scene takes longer to hash than to build; what is kept keeps its source alive.
        found = self._scenes.get(id(scene))
        if found is None:
            if len(self._scenes) >= SCENES_KEPT:
                self._scenes.clear()
            found = self._scenes[id(scene)] = exact_scene(scene, self.domain)
        return found

    def run_exactly(
        self, programs: Sequence[Program], scenes: Sequence[ExactScene], images: Sequence[int]
    ) -> list[str | None]:
        """Answers alone, the fastest there is.

        Args:
            programs: Checked programs.
            scenes: From :meth:`scene`.
            images: For each program, the position of its scene.

        Returns:
            For each program its answer, or None where something that it takes for granted does not hold.

        Raises:
            ProgramError: when an operation has no exact rule.
        """
        known = self._compiled
        found = []
        for program, image in zip(programs, images, strict=True):
            compiled = known.get(program) or self.compile(program)
            found.append(compiled.answer(scenes[image]))
        return found

    def run(self, scenes: Sequence[Scene], programs: Sequence[Program], *, trace: bool = False) -> list[Answer]:
        """Run checked programs, one scene for each, as :meth:`nmn.engine.Engine.run` does.

        An answer has confidence 1. Where something that the program takes for granted does not hold, there is none: its
        value is None, its confidence 0, and ``presuppositions`` says what fails.

        Raises:
            ProgramError: when an operation has no exact rule.
            SceneError: when a scene lacks something that the domain names.
        """
        pairs = zip(scenes, programs, strict=True)
        return [self._answer(self.compile(program), self.scene(scene), trace) for scene, program in pairs]

    def _answer(self, compiled: Compiled, scene: DescribedScene, trace: bool) -> Answer:
        value = compiled.answer(scene)
        if value is not None and not trace:
            return Answer(value, 1.0, {value: 1.0}, compiled.program)
        found = explain(compiled, scene, self.domain)
        shown = make_trace(found, scene, self.domain) if trace else None
        if value is None:
            return Answer(None, 0.0, {}, compiled.program, found.failed, trace=shown, granted=0.0)
        return Answer(value, 1.0, {value: 1.0}, compiled.program, trace=shown)


def answer_exactly(program: Program, scene: Scene, domain: Domain, *, trace: bool = False) -> Answer:
    """The answer of one checked program on one scene, with the module library's rules.

    For many, keep an :class:`ExactBackend`.

    Raises: ProgramError, SceneError, as :meth:`ExactBackend.run`.
    """
    return ExactBackend(domain).run([scene], [program], trace=trace)[0]
