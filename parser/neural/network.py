"""The network: a small transformer from the pieces of a question to the tokens of a program.

Source: encoder-decoder of Vaswani et al. 2017 (arXiv:1706.03762) with normalisation before each part and the relative
position biases of T5 (Raffel et al. 2020, arXiv:1910.10683, section 2.1), which carry over to lengths and nestings that were
not seen. Written out here for its speed on a CPU, which the guide compares with transformers' T5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

_NEARBY, _FADING = 3.0, 0.2  # biases that the position tables begin with; the second is a distance
_HIDDEN = -1e4  # added to the score of what must not be attended to; small enough for 16 bits


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network."""

    width: int = 256
    heads: int = 4
    inner: int = 768  # of the feed-forward parts
    encoder_layers: int = 4
    decoder_layers: int = 3
    distances: int = 32  # distances told apart by the position biases
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if min(self.width, self.heads, self.inner, self.encoder_layers, self.decoder_layers, self.distances) < 1:
            raise ValueError("sizes of the network must be at least 1")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of {self.heads} heads")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError("dropout must be at least 0 and below 1")

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "NetworkConfig":
        """Read what :func:`dataclasses.asdict` gave. Raises: KeyError, TypeError, ValueError."""
        kinds = {entry.name: type(entry.default) for entry in fields(NetworkConfig)}
        for name, kind in kinds.items():
            if type(record[name]) is not kind:
                raise TypeError(f"network {name} must be of type {kind.__name__}")
        return NetworkConfig(**{name: record[name] for name in kinds})


class Attention(nn.Module):
    """Scaled dot-product attention over several heads."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width, bias=False)
        self.key_value = nn.Linear(config.width, 2 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)

    def keys_values(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [batch, heads, tokens, width / heads] of states [batch, tokens, width]."""
        keys, values = self.key_value(states).chunk(2, dim=-1)
        return self._split(keys), self._split(values)

    def weights(self, states: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
        """How much each state attends to each key; the bias is added to the scores [batch, heads, tokens, keys]."""
        queries = self._split(self.query(states))
        scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2) + bias
        shares: Tensor = scores.softmax(-1)
        return shares

    def forward(self, states: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """What each state gathers."""
        gathered = self.weights(states, keys, bias) @ values
        return self.out(gathered.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def _split(self, states: Tensor) -> Tensor:
        return states.view(*states.shape[:-1], self.heads, -1).transpose(1, 2)


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward part."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.attention, self.attention_norm = Attention(config), nn.LayerNorm(config.width)
        self.inner = nn.Sequential(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, config.inner),
            nn.ReLU(),
            nn.Linear(config.inner, config.width),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        """States [batch, tokens, width] after the layer."""
        read = self.attention_norm(states)
        states = states + self.dropout(self.attention(read, *self.attention.keys_values(read), bias))
        return states + self.dropout(self.inner(states))  # type: ignore[no-any-return]


class DecoderLayer(nn.Module):
    """An encoder layer that attends to the question, too, between its parts."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.layer = EncoderLayer(config)
        self.question, self.question_norm = Attention(config), nn.LayerNorm(config.width)

    def forward(
        self,
        states: Tensor,
        past: tuple[Tensor, Tensor] | None,
        bias: Tensor,
        question: tuple[Tensor, Tensor],
        question_bias: Tensor,
        seen: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """States after the layer, and the keys and values so far.

        Args:
            states: [rows, tokens, width]; rows are beams of questions, those of a question side by side.
            past: Keys and values of the tokens before, [rows, heads, tokens before, width / heads].
            bias: Of the self-attention, [1, heads, tokens, all tokens].
            question: Keys and values of the pieces, [batch, heads, pieces, width / heads].
            question_bias: [batch, 1, 1, pieces].
            seen: Takes how much each token attends to each piece, [batch, tokens, pieces], mean over the heads.
        """
        layer = self.layer
        read = layer.attention_norm(states)
        keys, values = layer.attention.keys_values(read)
        if past is not None:
            keys, values = torch.cat((past[0], keys), 2), torch.cat((past[1], values), 2)
        states = states + layer.dropout(layer.attention(read, keys, values, bias))
        # The beams of one question read it together, as so many tokens.
        asked = self.question_norm(states).reshape(question[0].shape[0], -1, states.shape[-1])
        if seen is not None:
            seen.append(self.question.weights(asked, question[0], question_bias).mean(1))
        gathered = self.question(asked, *question, question_bias).reshape(states.shape)
        states = states + layer.dropout(gathered)
        return states + layer.dropout(layer.inner(states)), (keys, values)


@dataclass(frozen=True)
class Memory:
    """A batch of questions as the decoder reads them: each layer's keys and values, and which pieces count."""

    layers: tuple[tuple[Tensor, Tensor], ...]
    bias: Tensor

    def select(self, rows: Tensor) -> "Memory":
        """Some of the questions."""
        layers = tuple((keys[rows], values[rows]) for keys, values in self.layers)
        return Memory(layers, self.bias[rows])


class Network(nn.Module):
    """Encoder and decoder.

    Args:
        config: Sizes.
        pieces: How many pieces there are.
        tokens: How many tokens there are.
    """

    def __init__(self, config: NetworkConfig, pieces: int, tokens: int) -> None:
        super().__init__()
        self.config = config
        self.pieces = nn.Embedding(pieces, config.width)
        self.tokens = nn.Embedding(tokens, config.width)
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.encoder_positions = nn.Embedding(2 * config.distances + 1, config.heads)
        self.decoder_positions = nn.Embedding(config.distances + 1, config.heads)
        self.output = nn.Linear(config.width, tokens)
        for table in (self.pieces, self.tokens):
            nn.init.normal_(table.weight, std=0.5)
        self._look_nearby()

    @torch.no_grad()
    def _look_nearby(self) -> None:
        """Begin with heads that look at the piece before, at the one behind and around; the others look everywhere."""
        most, heads = self.config.distances, range(self.config.heads)
        for table in (self.encoder_positions, self.decoder_positions):
            nn.init.zeros_(table.weight)
        for head, distance in zip(heads, (-1, 1), strict=False):
            self.encoder_positions.weight[most + distance, head] = _NEARBY
        self.encoder_positions.weight[:, 2:3] -= (torch.arange(-most, most + 1).abs()[:, None]) * _FADING
        self.decoder_positions.weight[1, 0] = _NEARBY

    def encode(self, pieces: Int[Tensor, "batch tokens"], real: Bool[Tensor, "batch tokens"]) -> Memory:
        """Read questions; ``real`` is false where a piece is padding."""
        places = torch.arange(pieces.shape[1], device=pieces.device)
        most = self.config.distances
        distances = (places[None, :] - places[:, None]).clamp(-most, most) + most
        states = self.pieces(pieces)
        hidden = (~real)[:, None, None, :].to(states.dtype) * _HIDDEN
        bias = self.encoder_positions(distances).permute(2, 0, 1)[None] + hidden
        for layer in self.encoder:
            states = layer(states, bias)
        states = self.encoder_norm(states)
        return Memory(tuple(layer.question.keys_values(states) for layer in self.decoder), hidden)  # type: ignore[operator, union-attr]

    def decode(
        self,
        tokens: Int[Tensor, "rows tokens"],
        memory: Memory,
        past: list[tuple[Tensor, Tensor]] | None = None,
        seen: list[Tensor] | None = None,
    ) -> tuple[Float[Tensor, "rows tokens answers"], list[tuple[Tensor, Tensor]]]:
        """Scores of the token behind each of the given ones, and the keys and values to go on with.

        ``seen`` takes, for each layer, how much each token attends to each piece.
        """
        before = 0 if past is None else past[0][0].shape[2]
        places = torch.arange(before + tokens.shape[1], device=tokens.device)
        behind = places[before:, None] - places[None, :]
        bias = self.decoder_positions(behind.clamp(0, self.config.distances)).permute(2, 0, 1)[None]
        bias = bias + (behind < 0).to(bias.dtype) * _HIDDEN
        states = self.tokens(tokens)
        kept = []
        for number, layer in enumerate(self.decoder):
            known = None if past is None else past[number]
            states, new = layer(states, known, bias, memory.layers[number], memory.bias, seen)
            kept.append(new)
        return self.output(self.decoder_norm(states)), kept
