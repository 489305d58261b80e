"""Sparse encoding, and the kernels that run it."""
