"""The status page: what a running shipper shows of itself, over HTTP."""
