"""The tracker library: events that a program makes itself, by the same queue to the collector."""
