"""Candles from exchanges through ccxt: a live feed, and history into files."""
