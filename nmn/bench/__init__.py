"""Benchmarks that run from the command line: what the claims of speed rest on."""
