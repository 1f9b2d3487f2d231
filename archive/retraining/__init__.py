"""Learning from the archive again, and promoting what came of it only where it is better for sure."""
