"""From the configuration of another shipper to grammars of ours.

From the bottom up: `parts` says what a grammar in the making is made of; `onigmo` and `times`
translate expressions and time formats, `dissect` tokenizers. `fluent_bit_files` and
`logstash_syntax` read files. `logstash_readers`, `logstash_changes` and `chains` say what filters
come to, in Logstash's words, which `filebeat_words` has for Filebeat's; `logstash`, `filebeat` and
`fluent_bit` are the ways in. `write` writes the grammar and proves it.
"""
