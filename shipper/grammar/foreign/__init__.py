"""From the configuration of another shipper to grammars of ours.

From the bottom up: `parts` says what a grammar in the making is made of; `onigmo` and `times`
translate expressions and time formats, `dissect` tokenizers; `fluent_bit_files` and
`logstash_syntax` read files, `fluent_bit`, `logstash` and `logstash_changes` say what stands in
them; `write` writes the grammar and proves it.
"""
