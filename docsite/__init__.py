"""Makes the documentation site of `docs/`: hooks of MkDocs, and the pages that are generated."""
