"""The MetaTrader side: MQL5 sources, read as files (`natron mql5 export`)."""
