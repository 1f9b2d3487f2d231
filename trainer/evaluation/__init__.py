"""Honest figures of a bundle: a tidy table of predictions, and everything that is a function of it."""
