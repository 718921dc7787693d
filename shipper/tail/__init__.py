"""Tailing: which files there are, which generation each is, and reading on from a checkpoint."""
