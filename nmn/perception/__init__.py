"""Perception from pixels: a small detector, trained from scratch.

Nothing is imported here, so that naming the package does not load torch; see :mod:`nmn.perception.detector`.
"""
