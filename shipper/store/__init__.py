"""The state of a shipper: one SQLite file that holds queue, checkpoints, ledger, dead letters."""
