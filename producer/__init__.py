"""Candles in: exports read and replayed, synthetic samples."""
