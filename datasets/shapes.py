"""SHAPES: 30 x 30 images of a 3 x 3 grid, queries such as ``(is red (above circle))``, true or false.

The cells are the objects of the graph. What a cell shows and which cells a relation joins is learned from answers alone:
values that are never asked for are what is left when all others are excluded, relations that are never asked for are the
inverse of those that are.

Source: Andreas et al. 2016, arXiv:1511.02799, section 5; files as in n2nmn (Hu et al. 2017): images in BGR.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import log_softmax, logsigmoid

from nmn.cost import CONJUNCTION, LOGARITHM, Sizes
from nmn.domain import NO, YES, Domain
from nmn.errors import DataError, ImageError, QuestionError, Span, WeightsError, nearest
from nmn.exact.scene import ExactScene, objects_of
from nmn.files import read_json, write_json
from nmn.images import load_image
from nmn.logic import LIMIT, POSSIBLE, clamp, conjunction
from nmn.parse import Parse, Readings
from nmn.perceiver import Glance, Rows
from nmn.program import Concept, Node, Program
from nmn.questions import Question
from nmn.registry import Registry, default_registry, module
from nmn.scene import SceneGraph
from nmn.types import ObjectSet, Relation

SIDE, GRID, HIDDEN = 30, 3, 32  # pixels, cells a side; channels
WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "config.json"
ANSWERS = {"true": YES, "false": NO}


def read_split(folder: Path, split: str) -> tuple[list[Question], dict[int, Any]]:
    """Questions and images [height, width, 3] in RGB of ``SPLIT.query``, ``.output`` and ``.input.npy``.

    Raises: DataError when a file is missing or they do not fit together.
    """
    try:
        queries, outputs = ((folder / f"{split}.{name}").read_text("utf-8").split("\n") for name in ("query", "output"))
        images = np.load(folder / f"{split}.input.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        known = sorted(path.name.removesuffix(".query") for path in folder.glob("*.query"))
        raise DataError(f"cannot read split {split!r} in {folder}{nearest(split, known)}: {error}") from None
    lines = [(query, answer) for query, answer in zip(queries, outputs, strict=False) if query]
    fits = images.dtype == np.uint8 and images.ndim == 4 and images.shape[0::3] == (len(lines), 3)
    if not fits or not {answer for _, answer in lines} <= set(ANSWERS):
        raise DataError(f"split {split!r} in {folder}: queries, images and answers, true or false, do not fit together")
    questions = [
        Question(number, number, None, query, answer=ANSWERS[answer], template=query)
        for number, (query, answer) in enumerate(lines)
    ]
    return questions, dict(enumerate(np.ascontiguousarray(images[..., ::-1])))


class QueryParser:
    """Reads queries. A :class:`nmn.parse.Parser`."""

    name = "query"

    def __init__(self, domain: Domain) -> None:
        self.concepts = {value: Concept(attribute, value) for attribute, value in domain.concepts}
        self.relations = {relation.words[0].replace(" ", "_"): relation.name for relation in domain.relations}

    def parse(self, question: str) -> Readings:
        """The one reading. Raises: QuestionError, with a caret."""
        stack: list[list[tuple[str, Span] | int]] = [[]]
        nodes: list[Node] = []
        for found in re.finditer(r"[()]|[^\s()]+", question):
            token, span = found[0], Span(*found.span())
            if token == "(":
                stack.append([])
            elif token != ")":
                stack[-1].append((token, span))
            elif len(stack) > 1:
                stack[-2].append(self._call(stack.pop(), nodes, question))
            else:
                raise QuestionError("a ')' too many", text=question, span=span)
        if len(stack) != 1 or len(stack[0]) != 1 or not nodes or nodes[-1].operation != "exist":
            raise QuestionError("a query is (is WORD WORD), where a word may be (RELATION WORD)", text=question)
        return (Parse(Program.of(nodes), 1.0, (None,) * len(nodes), self.name, 0.0),)

    def _call(self, items: Sequence[tuple[str, Span] | int], nodes: list[Node], question: str) -> int:
        head, span = items[0] if items and not isinstance(items[0], int) else ("", None)
        inputs = tuple(each if isinstance(each, int) else self._select(each, nodes, question) for each in items[1:])
        if head == "is" and len(inputs) == 2:
            nodes.append(Node("intersect", inputs))
            nodes.append(Node("exist", (len(nodes) - 1,)))
        elif head in self.relations and len(inputs) == 1:
            nodes.append(Node("beside", inputs, None, (self.relations[head],)))
        else:
            known = nearest(head, ("is", *self.relations))
            raise QuestionError(f"a call is (is WORD WORD) or (RELATION WORD){known}", text=question, span=span)
        return len(nodes) - 1

    def _select(self, word: tuple[str, Span], nodes: list[Node], question: str) -> int:
        if word[0] not in self.concepts:
            raise QuestionError(f"no word {word[0]!r}{nearest(word[0], self.concepts)}", text=question, span=word[1])
        nodes.append(Node("select", (), None, (self.concepts[word[0]],)))
        return len(nodes) - 1


@module("beside")
class Beside(nn.Module):
    """The objects that stand in a relation to any of a set.

    ``p[j] = 1 - prod_i (1 - p[i] * r[i, j])``
    """

    def forward(self, scene: SceneGraph, members: ObjectSet, relation: Relation) -> ObjectSet:
        """Log-odds of being beside a member."""
        rows = scene.relation(relation, asked=members > POSSIBLE)
        there = conjunction(members, scene.presence).masked_fill(~scene.mask, -LIMIT)
        none = logsigmoid(-conjunction(there.unsqueeze(2), rows)).sum(1)
        odds = torch.log(-torch.expm1(none.clamp_max(-1e-7))) - none
        return torch.where(scene.mask, clamp(odds), -LIMIT)

    @staticmethod
    def exact(scene: ExactScene, members: int, relation: int) -> int:
        """Any that one of them is related to."""
        found = 0
        for each in objects_of(members):
            found |= scene.related(relation, each)
        return found

    @staticmethod
    def cost(sizes: Sizes) -> int:
        """FLOPs for one row."""
        return (CONJUNCTION + LOGARITHM + 1) * sizes.objects**2 + (CONJUNCTION + 3 * LOGARITHM) * sizes.objects


def shapes_registry() -> Registry:
    """The operations, with ``beside``."""
    return default_registry().extended(Beside)


class GridPerceiver(nn.Module):
    """Sees the cells of a grid as objects. A :class:`nmn.perceiver.Perceiver`, trained from answers."""

    def __init__(self, domain: Domain) -> None:
        super().__init__()
        self.domain, self.said = domain, frozenset[str]()  # said: the words of the training's queries
        self.encoder = nn.Sequential(
            *(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, HIDDEN, 3), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(4 * HIDDEN, HIDDEN), nn.ReLU()),
        )
        self.filled = nn.Linear(HIDDEN, 1)
        self.heads = nn.ModuleList(nn.Linear(HIDDEN, len(each.values) - 1) for each in domain.attributes)
        steps = torch.arange(1 - GRID, GRID).abs()  # a relation has one number for each way to lie from another cell;
        near = (steps[:, None] + steps == 1).flatten() * 6.0  # that it is the next cell is believed at first
        self.offsets = nn.Parameter(near.repeat(len(domain.relations), 1))

    @staticmethod
    def from_pretrained(folder: Path, domain: Domain | None = None) -> "GridPerceiver":
        """Load weights. Raises: WeightsError."""
        found = GridPerceiver(Domain.load("shapes") if domain is None else domain)
        try:
            found.load_state_dict(load_file(folder / WEIGHTS_FILE))
            found.said = frozenset(read_json(folder / CONFIG_FILE, WeightsError)["said"])
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"no weights of SHAPES in {folder}: {str(error).splitlines()[0]}") from None
        return found.eval()

    def save_pretrained(self, folder: Path) -> None:
        """Write the weights, and the words that training said."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: each.contiguous() for name, each in self.state_dict().items()}, folder / WEIGHTS_FILE)
        write_json(folder / CONFIG_FILE, {"domain": self.domain.fingerprint, "said": sorted(self.said)}, indent=2)

    def load(self, image: Any) -> Any:
        """RGB bytes [30, 30, 3]. Raises: ImageError."""
        pixels = load_image(image)
        if pixels.shape[:2] != (SIDE, SIDE):
            raise ImageError(f"an image of SHAPES is {SIDE} x {SIDE} pixels, not {pixels.shape[1]} x {pixels.shape[0]}")
        return pixels

    def glance(self, images: Sequence[Any]) -> Glance:
        """Every cell is an object, row by row."""
        pixels = torch.from_numpy(np.stack(images)).float().div(255.0) if images else torch.zeros(0, SIDE, SIDE, 3)
        count, side = len(pixels), SIDE // GRID
        cells = pixels.view(count, GRID, side, GRID, side, 3).permute(0, 1, 3, 5, 2, 4).reshape(-1, 3, side, side)
        features = self.encoder(cells).view(count, GRID * GRID, HIDDEN)
        corner = torch.tensor([[x, y] for y in range(GRID) for x in range(GRID)]) * side
        boxes = torch.cat((corner, corner + side), 1).float().expand(count, -1, -1)
        there = torch.full((count, GRID * GRID), LIMIT)
        return Glance(there, there > 0, boxes, features)

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """[rows, values]; an empty cell has the last value of every attribute."""
        features = glance.features[rows.images, rows.objects]
        filled = self.filled(features)
        values = log_softmax(self.heads[self.domain.attribute_ids[attribute]](features), -1)
        return torch.cat((logsigmoid(filled) + values, logsigmoid(-filled)), 1)

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        """[rows, cells]; of a relation and its inverse one is learned, the other is the same seen from the other end."""
        number, sign = self.domain.relation_ids[relation], 1
        inverse = self.domain.relation(relation).inverse
        if inverse is not None and self.domain.relation_ids[inverse] < number:
            number, sign = self.domain.relation_ids[inverse], -1
        cell, every = rows.objects[:, None], torch.arange(GRID * GRID, device=rows.objects.device)
        down, across = every // GRID - cell // GRID, every % GRID - cell % GRID
        place = sign * (down * (2 * GRID - 1) + across) + 2 * GRID * (GRID - 1)
        return torch.logit(self.offsets[number].softmax(0), 1e-6)[place]

    def glance_cost(self, images: int) -> int:
        """FLOPs of the convolutions and the layer behind them."""
        return images * GRID**2 * 2 * (64 * 16 * 27 + 4 * HIDDEN * 16 * 9 + 4 * HIDDEN * HIDDEN)

    def attribute_cost(self, attribute: str) -> int:
        """FLOPs of two heads."""
        return 2 * HIDDEN * len(self.domain.attribute(attribute).values)

    def relation_cost(self, relation: str, objects: int) -> int:
        """A look into a table."""
        return 0


def words(questions: Iterable[Question]) -> frozenset[str]:
    """The words of queries."""
    return frozenset(word for each in questions for word in re.findall(r"\w+", each.text))
