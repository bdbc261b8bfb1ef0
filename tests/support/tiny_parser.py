"""A neural parser too small to be right, for what must hold whatever the weights are."""

import torch

from nmn.domain import Domain
from nmn.parser.neural.network import Network, NetworkConfig
from nmn.parser.neural.parser import NeuralParser, ParserConfig
from nmn.parser.neural.pieces import Pieces
from nmn.parser.neural.vocabulary import ProgramVocabulary
from nmn.registry import Registry, default_registry

SIZES = NetworkConfig(width=16, heads=2, inner=16, encoder_layers=1, decoder_layers=1, distances=8)
TEXTS = ("How many red cubes are left of the big ball?", "Is there a small thing?", "What color is it?")


def random_parser(
    domain: Domain, registry: Registry | None = None, *, longest_program: int = 24, seed: int = 0, spread: float = 1.0
) -> NeuralParser:
    """A parser with random weights; ``spread`` is their standard deviation, so that what it says varies."""
    vocabulary = ProgramVocabulary(domain, default_registry() if registry is None else registry)
    pieces = Pieces.trained(TEXTS, 300)
    torch.manual_seed(seed)
    network = Network(SIZES, len(pieces), len(vocabulary))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=spread)
    return NeuralParser(network, pieces, vocabulary, ParserConfig(SIZES, 60, longest_program))
