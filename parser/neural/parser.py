"""NeuralParser: reads questions in free wording with a trained network that can only say well-typed programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from nmn.domain import Domain
from nmn.errors import InputError, RegistryError, Span, WeightsError
from nmn.files import read_json, write_json
from nmn.parse import Parse
from nmn.parser.neural.confidence import Calibration, Candidate, features, uncalibrated
from nmn.parser.neural.decoding import Decoded, Decoder
from nmn.parser.neural.network import Network, NetworkConfig
from nmn.parser.neural.pieces import Pieces, split
from nmn.parser.neural.vocabulary import ProgramVocabulary
from nmn.registry import Registry, default_registry

WEIGHTS_FORMAT = 1
WEIGHTS_FILE, CONFIG_FILE, PIECES_FILE, CALIBRATION_FILE = (
    "model.safetensors",
    "config.json",
    "pieces.json",
    "calibration.json",
)
SHIPPED = "clevr-parser"
BEAMS = 4
_ATTENDED = 0.4  # share of a token's attention above which a word is where a call comes from


@dataclass(frozen=True)
class ParserConfig:
    """What stands beside the weights in config.json.

    Attributes:
        network: Sizes.
        longest_question: Most pieces of a question.
        longest_program: Most tokens of a program.
        words: Words of the training's questions, which are not strange.
    """

    network: NetworkConfig
    longest_question: int
    longest_program: int
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Batch:
    """Questions that are decoded together: their places among all, and their pieces."""

    places: list[int]
    pieces: list[list[int]]


class NeuralParser:
    """Reads questions of any wording. A :class:`nmn.parse.Parser`.

    Every program is well-typed, whatever the weights are. Weights are rounded to 16 bits once, when they leave training;
    inference is in 32-bit floats.

    Args:
        network: Trained; is rounded in place.
        pieces: The subwords that it reads.
        vocabulary: The tokens that it says.
        config: Sizes and limits.
        calibration: Turns features of a reading into its confidence; the network's own probability if None.
        device: Where to run.

    Raises: InputError when there is no such device.
    """

    name = "neural"

    def __init__(
        self,
        network: Network,
        pieces: Pieces,
        vocabulary: ProgramVocabulary,
        config: ParserConfig,
        *,
        calibration: Calibration | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.requires_grad_(False).copy_(parameter.half().float())
        try:
            self.network = network.eval().to(torch.device(device))
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"cannot run on device {str(device)!r}: {str(error).splitlines()[0]}") from None
        self.pieces, self.vocabulary, self.config, self.calibration = pieces, vocabulary, config, calibration
        self.domain = vocabulary.domain
        self._words = frozenset(config.words)
        self._decoder = Decoder(self.network, vocabulary, config.longest_program)

    @staticmethod
    def from_pretrained(
        source: str | Path | None = None,
        *,
        domain: Domain | None = None,
        registry: Registry | None = None,
        device: str | torch.device = "cpu",
    ) -> "NeuralParser":
        """Load weights that :meth:`save_pretrained` wrote; without a source, those that ship with the package.

        Args:
            source: Folder with the weights, config.json and pieces.json.
            domain: The domain they must be of; by default the one the config names.
            registry: The operations that programs may call; by default all that are installed. Those that the weights
                do not know are never called.
            device: Where to run.

        Raises: WeightsError when they are missing, damaged, of another format, domain, or of other operations.
        """
        folder = Path(str(resources.files("nmn"))) / "weights" / SHIPPED if source is None else Path(source)
        missing = [name for name in (CONFIG_FILE, PIECES_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
        if missing:
            raise WeightsError(f"no parser weights in {folder}: {' and '.join(missing)} missing")
        config, vocabulary = _read_config(folder / CONFIG_FILE, domain, registry or default_registry())
        try:
            pieces = Pieces.from_json((folder / PIECES_FILE).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise WeightsError(f"cannot read {folder / PIECES_FILE}: {error}") from None
        except WeightsError as error:
            raise WeightsError(f"{folder / PIECES_FILE} is {error}") from None
        try:
            with torch.device("meta"):  # without data, so that sizes that the weights do not have cost nothing
                network = Network(config.network, len(pieces), len(vocabulary))
            tensors = {name: value.float() for name, value in load_file(folder / WEIGHTS_FILE).items()}
            network.load_state_dict(tensors, assign=True)
        except (SafetensorError, OSError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise WeightsError(f"weights {folder / WEIGHTS_FILE} do not fit their config: {reason}") from None
        calibration = None
        if (folder / CALIBRATION_FILE).is_file():
            calibration = Calibration.from_json(read_json(folder / CALIBRATION_FILE, WeightsError))
        return NeuralParser(network, pieces, vocabulary, config, calibration=calibration, device=device)

    def save_pretrained(self, path: str | Path) -> None:
        """Write weights (float16 safetensors), pieces.json and config.json into a folder, each in one step."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{WEIGHTS_FILE}.part"
        tensors = {name: value.half().cpu().contiguous() for name, value in self.network.state_dict().items()}
        save_file(tensors, temporary, {"format": "pt"})
        temporary.chmod(0o644)  # safetensors makes files that only their owner can read
        temporary.replace(folder / WEIGHTS_FILE)
        temporary = folder / f".{PIECES_FILE}.part"
        temporary.write_text(self.pieces.to_json(), encoding="utf-8")
        temporary.replace(folder / PIECES_FILE)
        if self.calibration is not None:
            write_json(folder / CALIBRATION_FILE, self.calibration.to_json(), indent=2)
        about = {"name": self.domain.name, "fingerprint": self.domain.fingerprint}
        operations = [each.operation for each in self.vocabulary.registry]
        record = {"format": WEIGHTS_FORMAT, "domain": about, "operations": operations, "tokens": self.vocabulary.names}
        write_json(folder / CONFIG_FILE, {**record, **asdict(self.config)}, indent=1)

    def calibrated(self, calibration: Calibration | None) -> "NeuralParser":
        """The same weights under another calibration."""
        return NeuralParser(
            self.network,
            self.pieces,
            self.vocabulary,
            self.config,
            calibration=calibration,
            device=self.network.output.weight.device,
        )

    def parse(self, question: str) -> tuple[Parse, ...]:
        """Readings of a question, the likeliest first; the confidences of several add up to at most 1.

        Raises: QuestionError when it is empty or too long.
        """
        return self.parse_many([question])[0]

    def parse_many(
        self, questions: Sequence[str], *, beams: int = BEAMS, batch_size: int = 64
    ) -> list[tuple[Parse, ...]]:
        """Readings of many questions, decoded in batches of questions of like length.

        Each :attr:`nmn.parse.Parse.cost` is its question's share of the time of its batch.

        Raises: QuestionError when one is empty or too long.
        """
        parses: list[tuple[Parse, ...]] = [()] * len(questions)
        for batch in self._batches(questions, batch_size):
            started = perf_counter()
            decoded = self._decoder.search(batch.pieces, beams)
            tables = self._decoder.attention(batch.pieces, [each.complete[0].tokens for each in decoded])
            cost = (perf_counter() - started) / len(decoded)
            for place, each, table in zip(batch.places, decoded, tables, strict=True):
                spans = self._spans(questions[place], each, table)
                parses[place] = self._parses(self._candidates(each), spans, questions[place], cost)
        return parses

    def read(self, questions: Sequence[str], *, beams: int = BEAMS, batch_size: int = 64) -> list[list[Candidate]]:
        """Readings of questions with the probabilities that confidence is computed from, the likeliest first.

        Raises: QuestionError when one is empty or too long.
        """
        read: list[list[Candidate]] = [[]] * len(questions)
        for batch in self._batches(questions, batch_size):
            for place, each in zip(batch.places, self._decoder.search(batch.pieces, beams), strict=True):
                read[place] = self._candidates(each)
        return read

    def confidence(self, candidates: Sequence[Candidate], question: str) -> float:
        """Probability that the first of a question's readings is right."""
        if self.calibration is None:
            return uncalibrated(candidates[0])
        return self.calibration.confidence(features(candidates, question, self._words))

    def _batches(self, questions: Sequence[str], batch_size: int) -> Iterator[_Batch]:
        """Questions of like length together."""
        pieces = [self.pieces.question(question, self.config.longest_question) for question in questions]
        order = sorted(range(len(questions)), key=lambda place: len(pieces[place]))
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            yield _Batch(places, [pieces[place] for place in places])

    def _candidates(self, decoded: Decoded) -> list[Candidate]:
        """Readings with different programs: two sequences may be the same one once equal calls are shared."""
        found: dict[Any, Candidate] = {}
        for each in decoded.complete:
            program = self.vocabulary.delinearise(each.tokens)
            least = min(each.log_probabilities)
            names = tuple(self.vocabulary.tokens[token].name for token in each.tokens)
            candidate = Candidate(program, each.total, float(torch.tensor(least).exp()), decoded.outside, names)
            found.setdefault(program, candidate)
        return list(found.values())

    def _spans(self, question: str, decoded: Decoded, attention: Tensor) -> tuple[Span | None, ...]:
        """For each node of the best reading that names something, the word that its token attends to, if it is mostly one."""
        words = [(Span(start, end), len(self.pieces.word(word))) for word, start, end in split(question)]
        program, nodes = self.vocabulary.placed(decoded.complete[0].tokens)
        spans: list[tuple[float, Span | None]] = [(_ATTENDED, None)] * len(program.nodes)
        for place, node in nodes.items():
            if program.nodes[node].attribute is None and not program.nodes[node].constants:
                continue
            shares = torch.split(attention[place], [pieces for _, pieces in words])
            masses = [float(share.sum()) for share in shares]
            word = max(range(len(words)), key=masses.__getitem__)
            spans[node] = max(spans[node], (masses[word], words[word][0]), key=lambda pair: pair[0])
        return tuple(span for _, span in spans)

    def _parses(
        self, candidates: Sequence[Candidate], spans: tuple[Span | None, ...], question: str, cost: float
    ) -> tuple[Parse, ...]:
        first = self.confidence(candidates, question)
        # What the first leaves is shared by the others as the network weighs them.
        rest = sum(uncalibrated(each) for each in candidates[1:])
        scale = min(1.0, (1 - first) / rest) if rest > 0 else 0.0
        chances = [first, *(uncalibrated(each) * scale for each in candidates[1:])]
        return tuple(
            Parse(each.program, chance, spans if number == 0 else (None,) * len(each.program.nodes), self.name, cost)
            for number, (each, chance) in enumerate(zip(candidates, chances, strict=True))
        )


def _read_config(path: Path, domain: Domain | None, registry: Registry) -> tuple[ParserConfig, ProgramVocabulary]:
    record = read_json(path, WeightsError)
    if not isinstance(record, dict) or record.get("format") != WEIGHTS_FORMAT:
        raise WeightsError(f"{path} is not of parser weights format {WEIGHTS_FORMAT}")
    try:
        about = record["domain"]
        domain = Domain.load(about["name"]) if domain is None else domain
        if about["fingerprint"] != domain.fingerprint:
            raise WeightsError(
                f"weights {path.parent} were trained for domain {about['name']!r} with other names or values than"
                f" {domain.name!r} has; train them again for it"
            )
        known = Registry(
            {name: registry.signature(name) for name in record["operations"]},
            {name: each for name, each in registry.classes.items() if name in record["operations"]},
        )
        vocabulary = ProgramVocabulary(domain, known)
        if list(vocabulary.names) != record["tokens"]:
            raise WeightsError(
                f"weights {path.parent} were trained for operations with other signatures; train them again"
            )
        return _config(record), vocabulary
    except RegistryError as error:
        raise WeightsError(f"weights {path.parent} call an operation that is not installed: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path} is not a parser config: {error}") from None


def _config(record: Mapping[str, Any]) -> ParserConfig:
    network = NetworkConfig.from_record(record["network"])
    limits = record["longest_question"], record["longest_program"]
    if not all(type(limit) is int and limit > 0 for limit in limits):
        raise ValueError("limits must be whole numbers above 0")
    if not all(isinstance(word, str) for word in record["words"]):
        raise TypeError("words must be strings")
    return replace(ParserConfig(network, *limits), words=tuple(record["words"]))
