"""Must/may execution: what a program may answer when of every facet only the set of values still possible is known.

An image is a :class:`PossibleScene`: which objects are surely there and which may be, which values of each attribute each of
them may have, which relations must and may hold. Each of its *completions* is a scene of which everything is certain. A
program runs on all of them at once, in integers: an object set is a pair of bit masks (certainly in, possibly in), any other
value the set of those that it may have, and what is taken for granted holds in all completions, in some or in none. What
comes out holds every completion's exact answer; where it is one answer, no completion has another.

Every operation is the best transformer of its inputs, but inputs are taken for independent. Where that loses too much,
because one uncertain facet is read on two ways, :func:`prove` splits that facet into cases and runs each.

Source: abstract interpretation (Cousot and Cousot 1977, POPL), with the power sets of small domains; certain and possible
members as in the partial structures of three-valued logic (Sagiv, Reps and Wilhelm 2002, TOPLAS 24:3); the case splits
are those of DPLL (Davis, Logemann and Loveland 1962, CACM 5:7). The operations of the language, and choosing the facet to
split by following the doubt backwards from the answer, are ours.
"""

from nmn.possible.compiled import PossibleAnswer, PossibleProgram, possible_program
from nmn.possible.scene import Facet, PossibleScene
from nmn.possible.splitting import Leaf, Proof, Split, prove

__all__ = [
    "Facet",
    "Leaf",
    "PossibleAnswer",
    "PossibleProgram",
    "PossibleScene",
    "Proof",
    "Split",
    "possible_program",
    "prove",
]
