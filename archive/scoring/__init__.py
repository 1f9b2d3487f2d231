"""Live scoring: what came true of each prediction, and what a bundle is worth lately."""
