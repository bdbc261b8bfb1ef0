"""Random scenes, certain and uncertain: those that the laws of nmn.testing are tried on."""

from nmn.testing.facts import FactPerceiver, Facts, random_facts, random_scene

__all__ = ["FactPerceiver", "Facts", "random_facts", "random_scene"]
