"""Telling people what needs them, once."""
