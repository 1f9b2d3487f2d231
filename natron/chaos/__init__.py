"""Chaos: a replay through the real services while everything around it goes wrong, and what became of it."""
