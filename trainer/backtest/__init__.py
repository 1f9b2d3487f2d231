"""Trades of a rule on a history of candles: one engine for the command, the policy's environment and the report."""
