"""Weights of fewer bits than a byte, and the numbers that a file holds."""
