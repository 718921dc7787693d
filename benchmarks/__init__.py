"""Measurements: figures are ratios within one run, medians over several rounds."""
