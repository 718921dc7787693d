"""Snowplow Logfile Source: tails log files into Snowplow as well-structured events."""

__version__ = "0.1.0"
