"""The command line: one command, each service imported when it is asked for."""
