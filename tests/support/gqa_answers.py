"""Records of GQA's questions held against both back ends: their answers, and the objects that they name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nmn.check import check
from nmn.datasets.gqa import GqaScene
from nmn.domain import Domain
from nmn.exact import ExactBackend
from nmn.parser.gqa import Imported
from nmn.registry import default_registry
from nmn.scene_perceiver import ScenePerceiver
from nmn.soft import SoftBackend
from nmn.trace import Trace

AT_A_TIME = 64  # images, each with the features of a thousand values and three hundred relations


@dataclass(frozen=True)
class Case:
    """A record, its program, and the scene graph that it is answered on."""

    record: Mapping[str, Any]
    scene: GqaScene
    imported: Imported

    @property
    def operation(self) -> str:
        """The raw operation that gives the answer."""
        return str(self.record["semantic"][-1]["operation"])


def answered(found: Mapping[str, Case], domain: Domain) -> None:
    """Both back ends give the records' answers, and the exact one finds the objects that the records name."""
    registry = default_registry()
    exact, soft = ExactBackend(domain), SoftBackend(ScenePerceiver(domain), registry)
    keys = list(found)
    for first in range(0, len(keys), AT_A_TIME):
        part = keys[first : first + AT_A_TIME]
        programs, scenes = [found[key].imported.program for key in part], [found[key].scene.scene for key in part]
        for program in programs:
            check(program, domain, registry)
        hard = exact.run(scenes, programs, trace=True)
        for key, one, other in zip(part, hard, soft.run(scenes, programs, list(range(len(part)))), strict=True):
            expected = found[key].record["answer"]
            assert one.value == other.value == expected, f"{key}: {found[key].record['question']}"
            assert other.confidence > 0.99, key
            if expected != "no":
                assert one.trace is not None
                finds_what_is_meant(key, found[key], one.trace)


def finds_what_is_meant(key: str, case: Case, trace: Trace) -> None:
    """The objects that a record names are among those that its calls give; the rest is filtered out later."""
    for node, mention in case.imported.mentions.items():
        members = trace.nodes[node].value
        if mention.strip() != "-" and isinstance(members, tuple):
            ids = {case.scene.ids[place] for place, member in enumerate(members) if member}
            assert {each.strip() for each in mention.split(",")} <= ids, key
