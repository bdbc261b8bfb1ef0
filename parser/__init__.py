"""Parsers: question text, program text or a data set's program records in, ``Program`` out. One parser a file."""
