"""Candles become feature rows: the catalogue, the kernels, the pipeline and the service."""
