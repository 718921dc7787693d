"""Grammars: from the text of a record to typed fields and a time, and to the schema of both.

From the bottom up: `syntax`, `patterns` and `grok` turn patterns into expressions; `spec`, `times`
and `conversion` say what a field and a time may be; `match_reader` and `keyed_reader` read
records; `loader` and `library` bring grammar files in; `iglu` writes schemas, `samples` tests.
Beside them stand the tools: `format_strings/` makes grammars of servers' formats, `lint/` finds
slow patterns, `coverage/` sorts what no grammar takes, `iglu_lint` and `schemaver` judge schemas.
"""
