"""The film of the docs: a terminal, from `docker run` on, and the status page at those moments."""
