"""Predictions to MetaTrader over ZeroMQ: signed lines out, and what a client missed on request."""
