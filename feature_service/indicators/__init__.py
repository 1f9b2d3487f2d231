"""The features, a family a file: each holds its catalogue entries and the kernel that computes them."""
