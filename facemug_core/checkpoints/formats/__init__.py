"""Readers of published formats. Each lists the keys that it needs, and takes sizes from shapes."""
