"""What people use instead, written plainly and fairly: each does its usual work and nothing more."""
