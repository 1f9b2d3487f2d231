"""Predictions over HTTP: REST, live streams, health and metrics."""
