"""The training loop of the neural parser: resumable exactly, because every random choice follows from seed and step."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nmn.domain import Domain
from nmn.errors import InputError, WeightsError, nearest
from nmn.parser.neural.data import Asked, Example, Feeder, Mixture, MixtureConfig
from nmn.parser.neural.decoding import Decoder, padded
from nmn.parser.neural.network import Network, NetworkConfig
from nmn.parser.neural.parser import NeuralParser, ParserConfig
from nmn.parser.neural.pieces import Pieces
from nmn.parser.neural.vocabulary import OUTSIDE, START, ProgramVocabulary

CHECKPOINT_FORMAT = 1
_WATCH_BATCH = 64
_WIDTHS = 4  # tokens; for every new shape of a batch the kernels of a CPU are compiled anew


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. Steps are optimiser steps."""

    steps: int = 14000
    batch_size: int = 64
    rate: float = 1e-3
    last_rate: float = 1e-5
    warmup: int = 400  # steps
    decay: float = 0.02  # weight decay, of matrices
    clip: float = 1.0  # greatest gradient norm
    smoothing: float = 0.01  # share of the target spread over all tokens that fit
    forgotten: float = 0.15  # share of the tokens said so far that the decoder does not see
    average: float = 0.999  # share of the old weights that the running average keeps a step
    evaluate_every: int = 500  # steps
    save_every: int = 250  # steps
    seed: int = 0
    half: bool = True  # bfloat16 but for the weights that are kept, their average and the loss
    network: NetworkConfig = field(default_factory=NetworkConfig)
    mixture: MixtureConfig = field(default_factory=MixtureConfig)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, then half a cosine."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.last_rate + (self.rate - self.last_rate) * 0.5 * (1 + math.cos(math.pi * done))


def configure(settings: Mapping[str, str]) -> TrainingConfig:
    """The training config with some values changed; ``mixture.spoken`` reaches into a part.

    Raises: InputError for an unknown key or a value of another type.
    """
    config: Any = TrainingConfig()
    for key, text in settings.items():
        config = _changed(config, key, key.split("."), text)
    return cast(TrainingConfig, config)


def _changed(record: Any, key: str, path: Sequence[str], text: str) -> Any:
    known = [entry.name for entry in fields(record)]
    if path[0] not in known:
        raise InputError(f"no training setting {key!r}{nearest(path[0], known)}")
    value = getattr(record, path[0])
    if is_dataclass(value) != (len(path) > 1):
        raise InputError(f"training setting {key!r} must name one value")
    try:
        if len(path) > 1:
            return replace(record, **{path[0]: _changed(value, key, path[1:], text)})
        changed = json.loads(text)
        if type(changed) is not type(value) and not (type(value) is float and type(changed) is int):
            raise InputError(f"training setting {key!r} must be of type {type(value).__name__}, not {text!r}")
        return replace(record, **{path[0]: type(value)(changed)})
    except ValueError as error:
        raise InputError(f"training setting {key!r} cannot be {text}: {error}") from None


@dataclass(frozen=True)
class Report:
    """Shares of the watched questions that the averaged weights read right, greedily, by style.

    Attributes:
        exact: Of the questions with a program, those whose program is the right one; of those without, those that are
            thought to have none.
        refused: Share of the questions with a program that are thought to have none.
    """

    exact: Mapping[str, float]
    refused: float

    @property
    def mean(self) -> float:
        """Mean over the styles."""
        return sum(self.exact.values()) / max(1, len(self.exact))

    def line(self) -> str:
        """One line for people."""
        shares = "  ".join(f"{style} {share:.3f}" for style, share in self.exact.items())
        return f"exact: {shares}  wrongly refused: {self.refused:.3f}"


@dataclass(frozen=True)
class Progress:
    """What one step reports."""

    step: int  # steps done
    loss: float
    rate: float
    examples_per_second: float
    report: Report | None = None


class Trainer:
    """Network, running average and optimiser of one run.

    Args:
        config: How to train.
        mixture: Gives the examples; learns its pieces here if it has none.
        device: Where to run, as torch names it.
        prepare_ahead: Whether batches are made in a process beside; they are the same either way.
    """

    def __init__(
        self, config: TrainingConfig, mixture: Mixture, *, device: str = "cpu", prepare_ahead: bool = False
    ) -> None:
        self.config, self.mixture, self.device = config, mixture, torch.device(device)
        self.vocabulary: ProgramVocabulary = mixture.vocabulary
        pieces = mixture.pieces or mixture.learn_pieces()
        self._ahead, self._feeder = prepare_ahead, Feeder(mixture, beside=prepare_ahead)
        self.watched = mixture.to_watch()
        torch.manual_seed(config.seed)
        self.model = Network(config.network, len(pieces), len(self.vocabulary)).to(self.device)
        self.average = deepcopy(self.model).eval().requires_grad_(False)
        self._fast = deepcopy(self.model).bfloat16() if config.half else self.model
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "weight_decay": config.decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98), fused=True)
        self.step = 0

    def advance(self) -> float:
        """Do one step; returns its loss, in nats a token."""
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = config.rate_at(self.step)
        examples = self._feeder.batch(self.step)
        torch.manual_seed(config.seed * 1_000_003 + self.step)  # of dropout
        if config.half:
            with torch.no_grad():
                for mine, theirs in zip(self._fast.parameters(), self.model.parameters(), strict=True):
                    mine.copy_(theirs)
        self._fast.train()
        loss = self.loss(self._fast, examples)
        self._fast.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.half:
            for mine, theirs in zip(self._fast.parameters(), self.model.parameters(), strict=True):
                theirs.grad = None if mine.grad is None else mine.grad.float()
        nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimiser.step()
        self.step += 1
        self._average()
        return float(loss.detach())

    def loss(self, network: Network, examples: Sequence[Example]) -> Tensor:
        """Cross-entropy a token under the mask of decoding, the target smoothed over the tokens that fit.

        In training some of the tokens before are hidden, so that what comes next hangs on the question more than on
        which structures were seen (word dropout; Bowman et al. 2016, arXiv:1511.06349, section 3.2).
        """
        pieces, real = padded([each.pieces for each in examples], multiple=2 * _WIDTHS)
        inputs, _ = padded([(START, *each.tokens[:-1]) for each in examples], multiple=_WIDTHS)
        if network.training and self.config.forgotten > 0:
            inputs = inputs.masked_fill(torch.rand(inputs.shape) < self.config.forgotten, START)
        targets, said = padded([each.tokens for each in examples], multiple=_WIDTHS)
        rows, _ = padded([self.vocabulary.needs(each.tokens) for each in examples], multiple=_WIDTHS)
        allowed = torch.from_numpy(self.vocabulary.fits[rows.numpy()])
        allowed[:, 0, OUTSIDE] = True
        where = self.device
        memory = network.encode(pieces.to(where), real.to(where))
        scores, _ = network.decode(inputs.to(where), memory)
        said, allowed, targets = said.to(where), allowed.to(where)[said.to(where)], targets.to(where)
        logs = scores[said].float().masked_fill(~allowed, -torch.inf).log_softmax(-1)
        right = logs.gather(-1, targets[said][:, None])[:, 0]
        spread = logs.masked_fill(~allowed, 0.0).sum(-1) / allowed.sum(-1)
        return -torch.lerp(right, spread, self.config.smoothing).mean()

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.average, (1 + self.step) / (10 + self.step))
        mine: list[Tensor] = list(self.average.parameters())
        theirs: list[Tensor] = list(self.model.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - keep)

    def evaluate(self) -> Report:
        """Report of the averaged weights on the watched questions."""
        decoder = Decoder(self.average, self.vocabulary, self.config.mixture.longest_program)
        exact: dict[str, float] = {}
        refused = inside = 0
        for style, questions in self.watched.items():
            right = 0
            for asked, found, outside in self._read(decoder, questions):
                right += outside > 0.5 if asked.program is None else found == asked.program.canonical()
                refused += asked.program is not None and outside > 0.5
                inside += asked.program is not None
            exact[style] = right / max(1, len(questions))
        return Report(exact, refused / max(1, inside))

    def _read(self, decoder: Decoder, questions: Sequence[Asked]) -> list[tuple[Asked, Any, float]]:
        pieces = self.pieces
        most = self.config.mixture.longest_question
        read = sorted(((pieces.read(each.text)[:most], each) for each in questions), key=lambda pair: len(pair[0]))
        found = []
        for start in range(0, len(read), _WATCH_BATCH):
            batch = read[start : start + _WATCH_BATCH]
            decoded = decoder.search([numbers for numbers, _ in batch], 1)
            for (_, asked), each in zip(batch, decoded, strict=True):
                found.append((asked, self.vocabulary.delinearise(each.complete[0].tokens), each.outside))
        return found

    @property
    def pieces(self) -> Pieces:
        """The subwords of the run."""
        assert self.mixture.pieces is not None
        return self.mixture.pieces

    def parser(self) -> NeuralParser:
        """The averaged weights as a parser."""
        limits = self.config.mixture.longest_question, self.config.mixture.longest_program
        config = ParserConfig(self.config.network, *limits, words=self.mixture.words())
        return NeuralParser(deepcopy(self.average), self.pieces, self.vocabulary, config)

    def run(self, folder: Path, on_step: Callable[[Progress], None]) -> None:
        """Train to the end, saving a checkpoint ``last`` in a folder as it goes; an interrupt saves first."""
        folder.mkdir(parents=True, exist_ok=True)
        last = folder / "last.safetensors"
        try:
            while self.step < self.config.steps:
                started = time.perf_counter()
                loss = self.advance()
                speed = self.config.batch_size / (time.perf_counter() - started)
                ended = self.step == self.config.steps
                report = self.evaluate() if ended or self.step % self.config.evaluate_every == 0 else None
                on_step(Progress(self.step, loss, self.config.rate_at(self.step - 1), speed, report))
                if ended or self.step % self.config.save_every == 0:
                    self.save(last)
        except KeyboardInterrupt:
            self.save(last)
            raise
        finally:
            self._feeder.close()

    def save(self, path: Path) -> None:
        """Write all state to one file, atomically."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{key}.{name}"] = value
        about = {
            "format": str(CHECKPOINT_FORMAT),
            "step": str(self.step),
            "domain": self.mixture.domain.fingerprint,
            "pieces": self.pieces.to_json(),
            "config": json.dumps(asdict(self.config)),
        }
        temporary = path.with_name(f".{path.name}.part")
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, temporary, about)
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Raises: WeightsError when it is missing, broken or of another domain or size."""
        tensors, about = read_checkpoint(path, self.mixture.domain)
        self.step = int(about["step"])
        self.mixture.pieces = Pieces.from_json(about["pieces"])
        self._feeder.close()
        self._feeder = Feeder(self.mixture, beside=self._ahead)
        try:
            self.model.load_state_dict(_part(tensors, "model."))
            self.average.load_state_dict(_part(tensors, "average."))
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(f"checkpoint {path} is of another network: {reason}") from None
        for name, parameter in self.model.named_parameters():
            moments = {key: tensors.get(f"optimiser.{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
            state = {key: value.to(self.device) for key, value in moments.items() if value is not None}
            if len(state) == len(moments):
                self.optimiser.state[parameter] = state


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def read_checkpoint(path: Path, domain: Domain) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and notes of a checkpoint. Raises: WeightsError."""
    if not path.is_file():
        raise WeightsError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, framework="pt") as opened:
            about: dict[str, str] = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"checkpoint {path} is damaged: {error}") from None
    if about.get("format") != str(CHECKPOINT_FORMAT) or "pieces" not in about:
        raise WeightsError(f"{path} is not a parser's training checkpoint of format {CHECKPOINT_FORMAT}")
    if about.get("domain") != domain.fingerprint:
        raise WeightsError(f"checkpoint {path} was made for another domain than {domain.name!r}")
    return tensors, about
