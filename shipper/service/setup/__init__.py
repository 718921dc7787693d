"""A first configuration: `places` finds log files, `guess` their grammars, `write` writes it."""
