"""Structure: what is left of a program without its words, so that data can be split by it.

Splits by structure measure what a parser makes of programs of a form that it never saw, as the CLOSURE tests do
(Bahdanau et al. 2019, arXiv:1912.05783, section 3).
"""

import hashlib

from nmn.program import Program
from nmn.registry import Registry


def structure(program: Program, registry: Registry) -> str:
    """A name for the form of a program: equal for programs that differ in their words only.

    Left out are constants, attributes, the order of inputs, and calls that narrow a set down by one constant (runs of
    ``filter``): "red cubes left of the ball" has the structure of "things in front of the big ball".

    Args:
        program: Of operations that the registry knows.
        registry: Says what each operation reads and gives.

    Returns:
        16 hexadecimal digits.

    Raises: RegistryError for an operation that is not known.
    """
    names: list[str] = []
    for node in program.nodes:
        sources = sorted(names[source] for source in node.inputs)
        signature = registry.signature(node.operation)
        narrows = len(signature.inputs) == 1 and signature.inputs[0].kind == signature.output and signature.constants
        if narrows:
            names.append(sources[0])
        else:
            names.append(hashlib.sha256(" ".join((node.operation, *sources)).encode()).hexdigest()[:16])
    return names[program.root]


def share_of(name: str) -> float:
    """A number from 0 to 1 that follows from a name, evenly spread: to keep a share of all structures out of training."""
    return int(hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8], 16) / 2**32
