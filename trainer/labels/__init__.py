"""What the heads are taught: label families, and their thresholds of the training split. No torch here."""
