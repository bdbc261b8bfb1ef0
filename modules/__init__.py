"""The module library: one idea a file, found by scanning this folder."""
