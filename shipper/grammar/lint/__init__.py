"""Which patterns can take more than linear time, and proof of it.

From the bottom up: `signs` holds sets of characters, `tree` reads an expression, `witness` writes
texts for parts of it, `suspects` applies static rules, `pump` measures, `patterns` puts a grammar
through all of it.
"""
