"""The way to a Snowplow collector: one request, one verdict."""
