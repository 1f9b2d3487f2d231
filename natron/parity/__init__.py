"""Parity: what the services publish for a file is what the trainer computes from it."""
