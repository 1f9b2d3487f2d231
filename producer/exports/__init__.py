"""Reading candles from files of any known shape, recognised from their content alone."""
