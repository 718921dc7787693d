"""The Snowplow tracker protocol: names, limits and checks. Pure: no input or output, no clocks."""
