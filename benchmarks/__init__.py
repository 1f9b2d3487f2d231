"""Speed and memory, measured: one bench a file, results with hardware, versions, command and date."""
