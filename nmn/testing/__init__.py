"""Conformance: the laws that a module, a perceiver, a parser and a data set keep, and advice where one does not.

::

    from nmn.testing import check_module

    def test_darker_keeps_the_laws() -> None:
        check_module(Darker)

What is built in passes the same laws: it is how it is tested. A law that is broken raises :class:`LawBroken`, whose message
says which law, for what input, what came out, what would be right, and where the guide has more.
"""

from nmn.testing.data_sets import DATA_SET_LAWS, check_dataset
from nmn.testing.law import Law, LawBroken
from nmn.testing.modules import MODULE_LAWS, check_module
from nmn.testing.parsers import PARSER_LAWS, check_parser
from nmn.testing.perceivers import PERCEIVER_LAWS, check_perceiver

__all__ = [
    "DATA_SET_LAWS",
    "MODULE_LAWS",
    "PARSER_LAWS",
    "PERCEIVER_LAWS",
    "Law",
    "LawBroken",
    "check_dataset",
    "check_module",
    "check_parser",
    "check_perceiver",
]
