"""From a server's own format string to a grammar for the lines that it writes.

From the bottom up: `parts` says what a format string is made of, `clock` writes and matches times,
`kinds` holds the common kinds of values; `nginx`, `apache`, `postgres` and `log4j` cut their
server's notation into parts; `compose` makes patterns of parts, `samples` lines, `draft` the file.
"""
