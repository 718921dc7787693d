"""Fuzzing: hostile bytes for what reads bytes of others, and what must hold of the outcome."""
