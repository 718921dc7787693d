"""A collector for development: takes tracker events, judges them as Enrich would, explains."""
