"""The output language of the neural parser: programs as sequences of calls, and what may follow what.

A program is written in prefix order (Polish notation), one token a call: the operation, the attribute in its brackets and,
where the combinations are few, its one constant. The constants of other calls are tokens of their own behind it. What is
still to be said is a stack of needs, each a program type or a kind of constant; a token fits if it gives what the top need
asks for and leaves room to meet all the others. So every sequence ends in time, and every sequence is well-typed.

Source: grammar-constrained decoding of Krishnamurthy et al. 2017 (Neural semantic parsing with type constraints, EMNLP,
section 3.3), with prefix order for their production rules; the bound on the length is ours.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nmn.domain import Domain
from nmn.errors import ProgramError
from nmn.program import Concept, Constant, Node, Program, post_order, reindexed
from nmn.registry import Registry
from nmn.signature import ANSWER_KINDS, CHOICE_KIND, Signature
from nmn.words import choices

START, OUTSIDE = 0, 1  # what a sequence begins behind; that a question has no program in the domain
_SPECIAL = ("<start>", "<outside>")
_MOST_COMBINED = 64  # calls of one operation that carry their constant in the token
_ANSWER = "Answer"  # the kind of the first need: anything that can be answered
_NEVER = 10**6


@dataclass(frozen=True)
class Need:
    """What a sequence still owes.

    Attributes:
        kind: A kind of values or of constants; ``Answer`` at the very start.
        attribute: For a ``Value``, the attribute that it must be a value of.
        other_than: For the second constant of a choice, what the first is called as an answer.
        first_choice: Whether it is the first constant of a choice.
    """

    kind: str
    attribute: str | None = None
    other_than: str | None = None
    first_choice: bool = False


@dataclass(frozen=True)
class Token:
    """One word of the output language.

    Attributes:
        name: As it is stored beside weights; unique.
        gives: The need that it meets, as kind and attribute.
        needs: What it adds to the stack, the topmost first.
        call: The call that it stands for, without inputs; None for a constant.
        constant: The constant that it stands for; None for a call.
        called: What a constant is called as an answer.
    """

    name: str
    gives: tuple[str, str | None]
    needs: tuple[Need, ...] = ()
    call: Node | None = None
    constant: Constant | None = None
    called: str | None = None


@dataclass(frozen=True)
class Stack:
    """Needs that are open, as a linked list: beams share what they have in common.

    Attributes:
        need: The topmost, which the next token meets.
        rest: Those below it; None if it is the last.
        least: Fewest tokens that meet those below.
    """

    need: Need
    rest: "Stack | None"
    least: int


class ProgramVocabulary:
    """The tokens of a domain's programs, derived from the signatures of the registry.

    Args:
        domain: Gives attributes and constants.
        registry: Gives the operations. Those that no program of the domain can hold get no token.
    """

    def __init__(self, domain: Domain, registry: Registry) -> None:
        self.domain = domain
        self.registry = registry
        candidates = [*self._constants(), *(token for each in registry for token in self._calls(each))]
        self._least = _least_lengths(candidates)
        kept = [each for each in candidates if all(self.least(need) < _NEVER for need in each.needs)]
        special = [Token(name, (name, None)) for name in _SPECIAL]
        self.tokens: tuple[Token, ...] = (*special, *kept)
        self.index: Mapping[str, int] = {each.name: number for number, each in enumerate(self.tokens)}
        self.cost: NDArray[np.int64] = np.array([1 + sum(map(self.least, each.needs)) for each in self.tokens])
        self._by_call = {each.call: number for number, each in enumerate(self.tokens) if each.call is not None}
        self._by_constant = {
            each.constant: number for number, each in enumerate(self.tokens) if each.constant is not None
        }
        self._rows: dict[Need, int] = {}
        self._table: NDArray[np.bool_] = np.zeros((0, len(self.tokens)), dtype=bool)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all tokens, in order."""
        return tuple(each.name for each in self.tokens)

    @cached_property
    def start(self) -> Stack:
        """The stack before the first token."""
        return Stack(Need(_ANSWER), None, 0)

    @property
    def shortest(self) -> int:
        """Length of the shortest program."""
        return self.least(self.start.need)

    def least(self, need: Need) -> int:
        """Fewest tokens that meet a need; a very large number if none do."""
        if need.kind == _ANSWER:
            return min((n for (kind, _), n in self._least.items() if kind in ANSWER_KINDS), default=_NEVER)
        return self._least.get((need.kind, need.attribute), _NEVER)

    def row(self, need: Need) -> int:
        """Row of :attr:`fits` that belongs to a need."""
        found = self._rows.get(need)
        if found is None:
            found = self._rows[need] = len(self._rows)
            self._table = np.vstack((self._table, [self._meets(token, need) for token in self.tokens]))
        return found

    @property
    def fits(self) -> NDArray[np.bool_]:
        """Which tokens meet which need, [needs seen so far, tokens]; no need is met by START or OUTSIDE."""
        return self._table

    def slack(self, stack: Stack, remaining: int) -> int:
        """Greatest :attr:`cost` of a token that leaves room for the rest, when ``remaining`` tokens may still come."""
        return remaining - stack.least

    def allowed(self, stack: Stack, remaining: int) -> NDArray[np.bool_]:
        """Which tokens may come next, [tokens]; some may, as long as ``remaining`` was enough at the start."""
        row = self.row(stack.need)
        fitting: NDArray[np.bool_] = self.fits[row] & (self.cost <= self.slack(stack, remaining))
        return fitting

    def advance(self, stack: Stack, token: int) -> Stack | None:
        """The stack behind a token that fits; None when the program is complete."""
        said, rest = self.tokens[token], stack.rest
        if stack.need.first_choice and rest is not None:
            rest = Stack(Need(rest.need.kind, other_than=said.called), rest.rest, rest.least)
        for need in reversed(said.needs):
            rest = Stack(need, rest, 0 if rest is None else rest.least + self.least(rest.need))
        return rest

    def linearise(self, program: Program, *, most: int | None = None) -> tuple[int, ...]:
        """The tokens of a program; what it shares is written out each time.

        Raises: ProgramError when a call has no token here, or there are more than ``most`` tokens.
        """
        written: list[int] = []
        pending = [program.root]
        while pending:
            node = program.nodes[pending.pop()]
            written += self._written(node)
            pending += reversed(node.inputs)
            if most is not None and len(written) + len(pending) > most:
                raise ProgramError(f"the program has more than {most} tokens once what it shares is written out")
        return tuple(written)

    def delinearise(self, tokens: Sequence[int]) -> Program:
        """The program of a complete sequence, equal calls shared.

        Raises: ProgramError when the sequence is not one that :meth:`advance` completes.
        """
        return self.placed(tokens)[0]

    def placed(self, tokens: Sequence[int]) -> tuple[Program, dict[int, int]]:
        """The program of a complete sequence, and for each place in it that is a call the node that it became.

        Raises: ProgramError as :meth:`delinearise`.
        """
        nodes: list[Node] = []
        ready: list[int | Constant] = []
        built: dict[int, int] = {}  # place in the sequence -> number in nodes
        for place in range(len(tokens) - 1, -1, -1):
            said = self.tokens[tokens[place]]
            if said.call is None:
                ready.append(said.constant or said.name)
                continue
            built[place] = len(nodes)
            if len(ready) < len(said.needs):
                raise ProgramError(f"{said.name} lacks inputs: the sequence breaks off")
            parts = [ready.pop() for _ in said.needs]
            inputs = tuple(part for part in parts if isinstance(part, int))
            constants = tuple(part for part in parts if not isinstance(part, int))
            nodes.append(Node(said.call.operation, inputs, said.call.attribute, said.call.constants or constants))
            ready.append(len(nodes) - 1)
        if len(ready) != 1 or not isinstance(ready[0], int):
            raise ProgramError("a sequence must hold exactly one program")
        order = post_order(nodes, ready[0])
        calls, shared = Program(reindexed(nodes, order)).shared()
        last = post_order(calls, shared[-1])
        moved = {node: last.index(shared[order.index(node)]) for node in built.values()}
        return Program(reindexed(calls, last)), {place: moved[node] for place, node in built.items()}

    def needs(self, tokens: Iterable[int]) -> list[int]:
        """For each token of a sequence, the row of the need that it meets."""
        stack: Stack | None = self.start
        rows: list[int] = []
        for token in tokens:
            if stack is None:
                raise ProgramError("a sequence goes on behind its end")
            rows.append(self.row(stack.need))
            stack = None if token == OUTSIDE else self.advance(stack, token)
        return rows

    def _written(self, node: Node) -> Iterator[int]:
        """The tokens of one call, without its inputs."""
        whole = self._by_call.get(Node(node.operation, (), node.attribute, node.constants))
        if whole is not None:
            yield whole
            return
        bare = self._by_call.get(Node(node.operation, (), node.attribute))
        constants = [self._by_constant.get(constant) for constant in node.constants]
        if bare is None or None in constants:
            raise ProgramError(f"{node.head} is no call of the parser's vocabulary of domain {self.domain.name!r}")
        yield bare
        yield from (constant for constant in constants if constant is not None)

    def _meets(self, token: Token, need: Need) -> bool:
        if need.kind == _ANSWER:
            return token.gives[0] in ANSWER_KINDS
        differs = need.other_than is None or token.called != need.other_than
        return token.gives == (need.kind, need.attribute) and differs

    def _constants(self) -> Iterator[Token]:
        probe = Node("")
        for attribute, value in self.domain.concepts:
            concept = Concept(attribute, value)
            (called,) = choices(Node(probe.operation, (), None, (concept,)), self.domain)
            yield Token(str(concept), ("Concept", None), constant=concept, called=called)
        for relation in self.domain.relations:
            (called,) = choices(Node(probe.operation, (), None, (relation.name,)), self.domain)
            yield Token(f"relation {relation.name}", ("Relation", None), constant=relation.name, called=called)

    def _calls(self, signature: Signature) -> Iterator[Token]:
        """The tokens of one operation, one for each attribute, and each constant if it is in the token."""
        attributes = [each.name for each in self.domain.attributes] if signature.bracket else [None]
        combined = self._combined(signature, len(attributes))
        for attribute in attributes:
            inputs = [Need(each.kind, attribute if each.kind == "Value" else None) for each in signature.inputs]
            gives = (signature.output, attribute if signature.output == "Value" else None)
            if combined is not None:
                for constant in combined:
                    call = Node(signature.operation, (), attribute, (constant,))
                    yield Token(f"{call.head}({constant})", gives, tuple(inputs), call=call)
            elif self._sayable(signature):
                call = Node(signature.operation, (), attribute)
                yield Token(call.head, gives, (*_constant_needs(signature), *inputs), call=call)

    def _combined(self, signature: Signature, attributes: int) -> list[Constant] | None:
        if len(signature.constants) != 1:
            return None
        constants: list[Constant] = [Concept(*each) for each in self.domain.concepts]
        if signature.constants[0].kind == "Relation":
            constants = [relation.name for relation in self.domain.relations]
        return constants if len(constants) * attributes <= _MOST_COMBINED else None

    def _sayable(self, signature: Signature) -> bool:
        """Whether a choice has two constants that are called differently."""
        if signature.output != CHOICE_KIND:
            return True
        kinds = {each.kind for each in signature.constants}
        names = {each.called for each in self._constants() if each.gives[0] in kinds}
        return len(names) > 1


def _constant_needs(signature: Signature) -> Iterator[Need]:
    for position, parameter in enumerate(signature.constants):
        yield Need(parameter.kind, first_choice=signature.output == CHOICE_KIND and position == 0)


def _least_lengths(tokens: Sequence[Token]) -> dict[tuple[str, str | None], int]:
    """For each type and each kind of constant, the length of the shortest sequence that gives it."""
    least: dict[tuple[str, str | None], int] = {}
    changed = True
    while changed:
        changed = False
        for token in tokens:
            length = 1 + sum(least.get((need.kind, need.attribute), _NEVER) for need in token.needs)
            if length < least.get(token.gives, _NEVER):
                least[token.gives], changed = length, True
    return least
