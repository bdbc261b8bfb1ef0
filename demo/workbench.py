"""Workbench: what a page asks, answered as JSON; no web framework, no state but the images.

Every method takes what the page sent and gives ``{"error": {...}}`` where that cannot be used: nothing is raised for it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

import torch

from nmn.check import check
from nmn.demo.gallery import Exhibit, Gallery, described, samples
from nmn.demo.run_request import (
    ANNOTATION,
    LONGEST_PROGRAM,
    NETWORK,
    SECOND,
    RunRequest,
    mapping,
    number,
    read_run,
    text,
)
from nmn.engine import Engine
from nmn.errors import InputError, NmnError, ProgramError, QuestionError, TextError
from nmn.inspection.comparing import compare
from nmn.inspection.editing import edits
from nmn.inspection.measuring import policies_of
from nmn.inspection.overlay_svg import LEAST_PRESENCE
from nmn.inspection.page import fragment, page
from nmn.inspection.running import inspect
from nmn.inspection.view import OUT, NodeView, View
from nmn.parser.text import parse_program
from nmn.perceiver import Glance
from nmn.policies.choice import Choice
from nmn.program import Program
from nmn.words import LIKELY

AT_ONCE = 2
"""Runs that go on at the same time; others wait, which is faster than all of them together."""

BUSY = 6
"""When more runs than this are asked for at a time, they are not measured beside other policies."""

MOST_GLANCES = 64
MOST_NODES = 120

Reply = dict[str, Any]


class Workbench:
    """Answers a page.

    Args:
        engine: Looks at pixels.
        described: Looks at annotated scenes, in the same domain.
        gallery: The images.
        second: Looks at pixels, too, to be compared with; in the same domain.
    """

    def __init__(self, engine: Engine, described: Engine, gallery: Gallery, *, second: Engine | None = None) -> None:
        self.engine = engine
        self.engines = {NETWORK: engine, ANNOTATION: described, **({} if second is None else {SECOND: second})}
        self.gallery = gallery
        self._running = BoundedSemaphore(AT_ONCE)
        self._counting = Lock()
        self._asked = 0
        self._glances: dict[tuple[str, str], Glance] = {}

    @staticmethod
    def ready(
        *,
        weights: Path | None = None,
        second_weights: Path | None = None,
        device: str = "cpu",
        scenes: Path | None = None,
        images: Path | None = None,
    ) -> "Workbench":
        """A workbench with the sample images, and those of a scene file if one is given.

        Args:
            weights: Folder with weights; those that ship with the package if None.
            second_weights: Folder with the weights of a second network, if there is to be one.
            device: Where to compute.
            scenes: A CLEVR scene file.
            images: Folder with the images of its scenes.

        Raises: InputError when a file cannot be used.
        """
        engine = Engine.from_pretrained(weights, device=device)
        shown = samples(engine.domain)
        if scenes is not None:
            shown = {**described(scenes, engine.domain, images), **shown}
        second = None if second_weights is None else Engine.from_pretrained(second_weights, device=device)
        return Workbench(engine, Engine.for_scenes(engine.domain), Gallery(shown), second=second)

    def start(self) -> Reply:
        """What a page needs to begin: images, and the words that can be completed."""
        domain = self.engine.domain
        operations = [
            {"name": each.operation, "says": str(each), "summary": each.summary} for each in self.engine.registry
        ]
        return {
            "images": [each.to_json() for each in self.gallery.exhibits.values()],
            "eyes": list(self.engines),
            "policies": list(policies_of(self.engine)),
            "words": sorted(set(domain.words())),
            "operations": operations,
            "attributes": {each.name: list(each.values) for each in domain.attributes},
            "relations": {each.name: each.words[0] for each in domain.relations},
        }

    def ask(self, record: Any) -> Reply:
        """Run a question or a program, beside another one if ``beside`` is given.

        The reply has ``html`` of all runs, and of the last one ``program``, ``answer``, ``objects`` (their numbers),
        ``suppositions`` in words and ``steps``: for each node what kind of value it gives, which ``outcomes`` it could be
        supposed to give by name, and which objects are its ``members``.
        """

        def answered() -> Reply:
            views = self._views(record)
            last = views[-1]
            return {
                "html": "".join(fragment(each, standalone=False, selected=_selected(record, each)) for each in views),
                "program": last.program,
                "answer": last.answer,
                "objects": [each.index for each in last.objects if each.presence >= LEAST_PRESENCE],
                "suppositions": list(last.suppositions),
                "steps": [_step(each) for each in last.nodes],
            }

        return _told(answered)

    def download(self, record: Any) -> Reply:
        """The same as one file: ``{"name", "html"}``."""

        def written() -> Reply:
            views = self._views(record)
            title = views[0].question or views[0].program
            return {"name": "answer.html", "html": page(views, title=title[:120])}

        return _told(written)

    def check(self, record: Any) -> Reply:
        """Whether a program's text is well typed: ``{"nodes"}``, or an error with its place."""
        return _told(
            lambda: {"nodes": len(self._program(text(mapping(record, "a request"), "program", LONGEST_PROGRAM)).nodes)}
        )

    def menu(self, record: Any) -> Reply:
        """What can be done to a node: ``{"edits": [{"sort", "label", "program", "node"}]}``."""

        def listed() -> Reply:
            fields = mapping(record, "a request")
            program = self._program(text(fields, "program", LONGEST_PROGRAM))
            found = edits(program, number(fields, "node"), self.engine.domain, self.engine.registry)
            offered = [
                {"sort": each.sort, "label": each.label, "program": each.program.text, "node": each.node}
                for each in found
            ]
            return {"edits": offered}

        return _told(listed)

    def upload(self, record: Any) -> Reply:
        """Keep an image: ``{"image"}``."""

        def kept() -> Reply:
            address = mapping(record, "an upload").get("address")
            if not isinstance(address, str):
                raise InputError("an upload must be an image file")
            return {"image": self.gallery.add(address).to_json()}

        return _told(kept)

    def _views(self, record: Any) -> tuple[View, ...]:
        fields = mapping(record, "a request")
        asked = read_run(fields)
        beside = fields.get("beside")
        if beside is not None:
            other = read_run(beside)
            return compare(self._view(other, self._title("A", other)), self._view(asked, self._title("B", asked)))
        return (self._view(asked, ""),)

    def _title(self, letter: str, asked: RunRequest) -> str:
        """What tells one of two runs from the other."""
        supposed = "; ".join(each.words(self.engine.domain) for each in asked.suppose)
        parts = (letter, asked.image, asked.eyes, _chosen(asked.choice), f"suppose {supposed}" if supposed else "")
        return " · ".join(part for part in parts if part)

    def _view(self, asked: RunRequest, title: str) -> View:
        exhibit = self.gallery.find(asked.image)
        engine = self.engines.get(asked.eyes)
        if engine is None:
            raise InputError("there is no second network here: start the page with one")
        question = self._program(asked.program) if asked.program else asked.question
        with self._waiting():
            found = inspect(
                engine,
                exhibit.seen_by(asked.eyes),
                question,
                policy=asked.choice.policy,
                doubt=asked.choice.doubt,
                budget_ms=asked.choice.budget_ms,
                suppose=asked.suppose,
                picture=exhibit.picture,
                glance=None if asked.eyes == ANNOTATION else self._glance(asked.eyes, exhibit),
                measure=self._asked <= BUSY,
                title=title,
            )
        if len(found.view.nodes) > MOST_NODES:
            raise ProgramError(
                f"a program of {len(found.view.nodes)} nodes: up to {MOST_NODES} can be looked into here"
            )
        return found.view

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Until it is this run's turn."""
        with self._counting:
            self._asked += 1
        try:
            with self._running:
                yield
        finally:
            with self._counting:
                self._asked -= 1

    def _glance(self, eyes: str, exhibit: Exhibit) -> Glance:
        """The first look at an image, which is most of the work, taken once while the image is in use."""
        key = (eyes, exhibit.name)
        found = self._glances.get(key)
        if found is None:
            with torch.no_grad():
                found = self.engines[eyes].perceiver.glance([exhibit.seen_by(eyes)])
            with self._counting:
                self._glances[key] = found
                while len(self._glances) > MOST_GLANCES:
                    self._glances.pop(next(iter(self._glances)))
        return found

    def _program(self, written: str) -> Program:
        read = parse_program(written, self.engine.registry)
        if len(read.program.nodes) > MOST_NODES:
            raise ProgramError(
                f"a program of {len(read.program.nodes)} nodes: up to {MOST_NODES} can be looked into here"
            )
        check(
            read.program,
            self.engine.domain,
            self.engine.registry,
            text=read.text,
            spans=read.spans,
            constant_spans=read.constant_spans,
        )
        return read.program


def _chosen(choice: Choice) -> str:
    doubt = "" if choice.doubt is None else f", doubt {choice.doubt:g}"
    return choice.policy + doubt + ("" if choice.budget_ms is None else f", {choice.budget_ms:g} ms")


def _step(node: NodeView) -> Reply:
    own = node.columns[-1].scores if node.columns and node.columns[-1].side == OUT else ()
    members = [index for index, score in enumerate(own) if score >= LIKELY]
    return {"kind": node.kind, "outcomes": list(node.outcomes), "members": members}


def _selected(record: Any, shown: View) -> int | None:
    node = record.get("node") if isinstance(record, dict) else None
    return node if isinstance(node, int) and not isinstance(node, bool) and 0 <= node < len(shown.nodes) else None


def _told(answer: Callable[[], Reply]) -> Reply:
    """The answer, or in its place what was wrong with what was asked, and where."""
    try:
        return answer()
    except NmnError as error:
        return {"error": _error(error)}


def _error(error: NmnError) -> Reply:
    about = "question" if isinstance(error, QuestionError) else "program" if isinstance(error, ProgramError) else ""
    if not isinstance(error, TextError):
        return {"message": str(error), "about": about, "start": None, "end": None, "pointer": None}
    span = error.span
    return {
        "message": error.message,
        "about": about,
        "start": None if span is None else span.start,
        "end": None if span is None else span.end,
        "pointer": error.pointer(72),
    }
