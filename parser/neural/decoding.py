"""Decoding: the likeliest programs of questions, or random ones, under the mask of what is well-typed.

The probabilities are those of the network normalised over the tokens that may come next, so the probabilities of all
programs that fit in the budget add up to one. The beam search is exact but for the hypotheses that it drops, as a longer
hypothesis is never likelier than what it goes on from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from nmn.errors import InputError
from nmn.parser.neural.network import Memory, Network
from nmn.parser.neural.pieces import PADDING
from nmn.parser.neural.vocabulary import OUTSIDE, START, ProgramVocabulary, Stack


@dataclass(frozen=True)
class Hypothesis:
    """Tokens said so far, with the logarithms of their probabilities; ``stack`` is None when they are complete."""

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    total: float
    stack: Stack | None


@dataclass(frozen=True)
class Decoded:
    """What was found for one question.

    Attributes:
        complete: The likeliest first; at least one.
        outside: Probability that the question has no program.
    """

    complete: tuple[Hypothesis, ...]
    outside: float


@dataclass
class _Question:
    place: int
    live: list[Hypothesis]
    done: list[Hypothesis] = field(default_factory=list)
    outside: float = 0.0

    def open(self, beams: int) -> bool:
        """Whether what is live could still be among the best ``beams``."""
        if not self.live or len(self.done) < beams:
            return bool(self.live)
        return self.live[0].total > self.done[beams - 1].total


class Decoder:
    """Finds programs for batches of questions.

    Args:
        network: In evaluation mode.
        vocabulary: Its tokens are those of the network.
        budget: Most tokens of a program.

    Raises: InputError when no program is that short.
    """

    def __init__(self, network: Network, vocabulary: ProgramVocabulary, budget: int) -> None:
        if budget < vocabulary.shortest:
            raise InputError(f"a budget of {budget} tokens holds no program; the shortest has {vocabulary.shortest}")
        self.network, self.vocabulary, self.budget = network, vocabulary, budget

    def search(self, questions: Sequence[Sequence[int]], beams: int) -> list[Decoded]:
        """The likeliest sequences of each question, at most ``beams``; one beam is the greedy choice.

        Raises: InputError when ``beams`` is below 1.
        """
        if beams < 1:
            raise InputError(f"beams must be at least 1, not {beams}")
        return self._run(questions, beams, None)

    def sample(self, questions: Sequence[Sequence[int]], generator: torch.Generator) -> list[Decoded]:
        """One random sequence of each question, drawn with its probability."""
        return self._run(questions, 1, generator)

    @torch.inference_mode()
    def attention(self, questions: Sequence[Sequence[int]], programs: Sequence[Sequence[int]]) -> list[Tensor]:
        """How much each token of a program attends to each piece of its question, [tokens, pieces]; each row adds to 1."""
        device = self.network.output.weight.device
        pieces, real = padded(questions)
        said, _ = padded([(START, *tokens[:-1]) for tokens in programs])
        seen: list[Tensor] = []
        self.network.decode(said.to(device), self.network.encode(pieces.to(device), real.to(device)), seen=seen)
        tables = torch.stack(seen).mean(0).cpu()
        return [
            table[: len(tokens), : len(question)]
            for table, tokens, question in zip(tables, programs, questions, strict=True)
        ]

    @torch.inference_mode()
    def _run(self, questions: Sequence[Sequence[int]], beams: int, generator: torch.Generator | None) -> list[Decoded]:
        device = self.network.output.weight.device
        pieces, real = padded(questions)
        memory = self.network.encode(pieces.to(device), real.to(device))
        begin = Hypothesis((), (), 0.0, self.vocabulary.start)
        everything = [_Question(place, [begin]) for place in range(len(questions))]
        active, past = everything, None
        last = torch.full((len(active), 1), START, device=device)
        for said in range(self.budget):
            scores, past = self.network.decode(last, memory, past)
            scores = scores[:, -1].float().cpu().view(len(active), -1, scores.shape[-1])
            if said == 0:
                self._judge(active, scores[:, 0])
            logs = self._normalised(scores, active, self.budget - said)
            sources = self._extend(active, logs, beams, generator)
            kept = [place for place, question in enumerate(active) if question.open(beams)]
            if not kept:
                break
            active = [active[place] for place in kept]
            beams_kept = max(len(question.live) for question in active)
            memory, past = _gathered(memory, past, kept, [sources[place] for place in kept], scores.shape[1])
            last = torch.tensor([_last(question, beams_kept) for question in active], device=device).view(-1, 1)
        return [Decoded(tuple(each.done[:beams]), each.outside) for each in everything]

    def _judge(self, active: Sequence[_Question], scores: Tensor) -> None:
        """Note how likely each question is outside: its token beside those that a program can begin with."""
        first = self.vocabulary.allowed(self.vocabulary.start, self.budget)
        first[OUTSIDE] = True
        masked = scores.masked_fill(~torch.from_numpy(first), -torch.inf)
        for question, chance in zip(active, masked.softmax(-1)[:, OUTSIDE].tolist(), strict=True):
            question.outside = chance

    def _normalised(self, scores: Tensor, active: Sequence[_Question], remaining: int) -> Tensor:
        """Log-probabilities [questions, beams, tokens] over what may come next; minus infinity for what may not."""
        vocabulary = self.vocabulary
        rows = np.zeros(scores.shape[:2], dtype=np.int64)
        slack = np.full(scores.shape[:2], -1, dtype=np.int64)
        for place, question in enumerate(active):
            for beam, each in enumerate(question.live):
                assert each.stack is not None
                rows[place, beam] = vocabulary.row(each.stack.need)
                slack[place, beam] = vocabulary.slack(each.stack, remaining)
        allowed = vocabulary.fits[rows] & (vocabulary.cost <= slack[..., None])
        masked = scores.masked_fill(~torch.from_numpy(allowed), -torch.inf)
        return masked.log_softmax(-1).nan_to_num(nan=-torch.inf, neginf=-torch.inf)

    def _extend(
        self, active: Sequence[_Question], logs: Tensor, beams: int, generator: torch.Generator | None
    ) -> list[list[int]]:
        """Go on from the live hypotheses of every question; gives the beams that the new ones come from."""
        count = logs.shape[2]
        totals = torch.full(logs.shape[:2], -torch.inf, dtype=torch.float64)
        for place, question in enumerate(active):
            totals[place, : len(question.live)] = torch.tensor([each.total for each in question.live]).double()
        whole = (totals[..., None] + logs).flatten(1)
        if generator is None:
            chosen = whole.topk(min(2 * beams, whole.shape[1]), dim=1).indices
        else:
            chosen = torch.multinomial(logs[:, 0].exp(), 1, generator=generator)
        sources = []
        picked = [whole.gather(1, chosen).tolist(), logs.flatten(1).gather(1, chosen).tolist(), chosen.tolist()]
        for question, all_totals, all_logs, numbers in zip(active, *picked, strict=True):
            before, question.live, origin = question.live, [], []
            for total, log, number in zip(all_totals, all_logs, numbers, strict=True):
                if total == -math.inf or len(question.live) == beams:
                    break
                beam, token = divmod(number, count)
                old = before[beam]
                assert old.stack is not None
                stack = self.vocabulary.advance(old.stack, token)
                new = Hypothesis((*old.tokens, token), (*old.log_probabilities, log), total, stack)
                if stack is None:
                    question.done.append(new)
                else:
                    question.live.append(new)
                    origin.append(beam)
            question.done.sort(key=lambda each: -each.total)
            sources.append(origin)
        return sources


def _gathered(
    memory: Memory,
    past: list[tuple[Tensor, Tensor]],
    kept: Sequence[int],
    sources: Sequence[Sequence[int]],
    width: int,
) -> tuple[Memory, list[tuple[Tensor, Tensor]]]:
    """Memory and past of the questions that go on, each with as many beams as the one that has most.

    Args:
        memory: Of all questions so far.
        past: Of all their beams.
        kept: Places of the questions that go on.
        sources: For each of those, the beams that its hypotheses go on from.
        width: Beams that a question had so far.
    """
    device = memory.bias.device
    most = max(map(len, sources))
    padded_sources = [[*beams, *[0] * (most - len(beams))] for beams in sources]
    rows = [place * width + beam for place, beams in zip(kept, padded_sources, strict=True) for beam in beams]
    index = torch.tensor(rows, device=device)
    if len(kept) < memory.bias.shape[0]:
        memory = memory.select(torch.tensor(kept, device=device))
    return memory, [(keys[index], values[index]) for keys, values in past]


def _last(question: _Question, beams: int) -> list[int]:
    """The last tokens of the live hypotheses; START for each that is missing."""
    said = [each.tokens[-1] for each in question.live]
    return said + [START] * (beams - len(said))


def padded(sequences: Sequence[Sequence[int]], *, multiple: int = 1) -> tuple[Tensor, Tensor]:
    """Sequences as one tensor [batch, tokens], and where it is not padding.

    Args:
        sequences: At least one.
        multiple: Of which the width is one.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    real = np.arange(-(-lengths.max() // multiple) * multiple) < lengths[:, None]
    table = np.full(real.shape, PADDING, dtype=np.int64)
    table[real] = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
    return torch.from_numpy(table), torch.from_numpy(real)
