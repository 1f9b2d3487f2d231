"""Whether a series has left what its bundle was trained on."""
