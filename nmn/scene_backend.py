"""SceneBackend: described scenes, by exact rules where they are certain and by probabilities where a detector wrote them."""

from collections.abc import Sequence

from nmn.exact import ExactBackend, is_certain
from nmn.program import Program
from nmn.registry import Registry
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene
from nmn.soft import SoftBackend
from nmn.trace import Answer


class SceneBackend:
    """Runs programs on described scenes; one with an operation that has no exact rule runs by probabilities everywhere.

    Args:
        perceiver: Says what is uncertain of a detector's scenes.
        registry: The operations.
    """

    def __init__(self, perceiver: ScenePerceiver, registry: Registry) -> None:
        self.exact = ExactBackend(perceiver.domain, registry)
        self.soft = SoftBackend(perceiver, registry)

    def run(
        self, images: Sequence[Scene], programs: Sequence[Program], positions: Sequence[int], *, trace: bool = False
    ) -> list[Answer]:
        """Answer checked programs, each on the scene at its position. Raises: InputError."""
        certain = [is_certain(scene) for scene in images]
        exact = [
            certain[position] and self.exact.has_rules(program)
            for position, program in zip(positions, programs, strict=True)
        ]
        found: dict[int, Answer] = {}
        for exactly in (True, False):
            places = [place for place, each in enumerate(exact) if each is exactly]
            if not places:
                continue
            chosen = [programs[place] for place in places]
            if exactly:
                answered = self.exact.run([images[positions[place]] for place in places], chosen, trace=trace)
            else:
                answered = self.soft.run(images, chosen, [positions[place] for place in places], trace=trace)
            found.update(zip(places, answered, strict=True))
        return [found[place] for place in range(len(programs))]
