"""Compiled arithmetic. A row has one kernel; history and stream both call it, candle by candle."""
