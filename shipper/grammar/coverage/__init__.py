"""Lines that no grammar takes: what shapes they have, and a pattern for each shape.

From the bottom up: `shapes` cuts a line into tokens, `clusters` puts lines of a shape together,
`suggestion` writes the grok pattern of a cluster.
"""
