"""The subcommands, one noun a file."""
