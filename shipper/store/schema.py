"""The tables of the state file and how older files are brought up to date.

Rule 1: `PRAGMA user_version` counts the migrations that a file has seen; a file with more than
        this program knows is refused, never touched.
Rule 2: a migration is never edited once released; a change is a new migration at the end.
Rule 3: `batch.id` is AUTOINCREMENT, because senders read on by id, and SQLite gives the ids of
        deleted rows away again otherwise.
"""

from __future__ import annotations

from shipper.model import Ledger

_LEDGER = "".join(f"    {name} INTEGER NOT NULL DEFAULT 0,\n" for name in Ledger._fields)

_FIRST = f"""
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stream (            -- how many generations had this path and first line
    key BLOB PRIMARY KEY,
    generations INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE file (              -- one row a file generation
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    generation BLOB NOT NULL UNIQUE,
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    canonical TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    head_length INTEGER NOT NULL,
    head_digest BLOB NOT NULL,
    tail_length INTEGER NOT NULL,
    tail_digest BLOB NOT NULL,
    start INTEGER NOT NULL,      -- where reading began
    offset INTEGER NOT NULL,     -- where the next record begins
    size INTEGER NOT NULL,       -- as last seen
    -- finished: let go, but it is read on if it comes back; over: no file can continue it
    state TEXT NOT NULL CHECK (state IN ('open', 'finished', 'over')),
    first_seen INTEGER NOT NULL, -- milliseconds
    last_seen INTEGER NOT NULL,
    open_group BLOB,             -- an unfinished multi-line record
{_LEDGER}    CHECK (offset >= start)
) STRICT;
CREATE INDEX file_state ON file (state);
CREATE INDEX file_node ON file (device, inode);
CREATE INDEX file_canonical ON file (canonical);

CREATE TABLE batch (             -- the queue, oldest first
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    events INTEGER NOT NULL,
    size INTEGER NOT NULL,       -- bytes of the events joined by LF, uncompressed
    encoding TEXT NOT NULL,
    body BLOB NOT NULL,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created INTEGER NOT NULL,
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    generation BLOB,
    offset INTEGER,
    grammar TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    raw BLOB NOT NULL,           -- zstd; empty where only the event is left
    event BLOB,                  -- zstd
    attempts INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX dead_letter_reason ON dead_letter (reason);

CREATE TABLE counter (
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (name, source)
) STRICT, WITHOUT ROWID;
"""

_SECOND = f"""
-- why bytes_lost were lost: truncated, rewritten, gone, ...
ALTER TABLE file ADD COLUMN lost_why TEXT;
-- the stream that this generation is one of; not known of rows that are older than the column
ALTER TABLE file ADD COLUMN stream BLOB;
CREATE INDEX file_stream ON file (stream);
CREATE INDEX file_ended ON file (state, last_seen) WHERE state <> 'open';

-- when a generation of the stream was last seen; of those on record already, at the latest now
ALTER TABLE stream ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 0;
UPDATE stream SET last_seen = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
CREATE INDEX stream_last_seen ON stream (last_seen);

CREATE TABLE collected (         -- one row a source: the sums of generations without a row
    source TEXT PRIMARY KEY,
    generations INTEGER NOT NULL,
{_LEDGER}    span INTEGER NOT NULL         -- bytes from where reading began to where it ended
) STRICT, WITHOUT ROWID;

CREATE TABLE loss (              -- bytes_lost of collected generations, by their cause
    source TEXT NOT NULL,
    why TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (source, why)
) STRICT, WITHOUT ROWID;
"""

_LETTER = "length({0}.raw) + coalesce(length({0}.event), 0)"
# Within a trigger no semicolon ends a line: there a migration is cut into its statements.
_THIRD = f"""
-- 1: tells of what was dropped, and is never dropped itself
ALTER TABLE batch ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
DROP INDEX dead_letter_reason;
CREATE INDEX dead_letter_kind ON dead_letter (source, reason);

CREATE TABLE tally (             -- what `batch` and `dead_letter` hold, kept by triggers
    name TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL       -- of bodies as they are stored
) STRICT, WITHOUT ROWID;
INSERT INTO tally SELECT 'queue', count(*), coalesce(sum(events), 0),
    coalesce(sum(length(body)), 0) FROM batch;
INSERT INTO tally SELECT 'letters', count(*), count(event),
    coalesce(sum({_LETTER.format("dead_letter")}), 0) FROM dead_letter;
CREATE TRIGGER batch_in AFTER INSERT ON batch BEGIN
    UPDATE tally SET entries = entries + 1, events = events + new.events,
        bytes = bytes + length(new.body) WHERE name = 'queue'; END;
CREATE TRIGGER batch_out AFTER DELETE ON batch BEGIN
    UPDATE tally SET entries = entries - 1, events = events - old.events,
        bytes = bytes - length(old.body) WHERE name = 'queue'; END;
CREATE TRIGGER batch_cut AFTER UPDATE OF events, body ON batch BEGIN
    UPDATE tally SET events = events + new.events - old.events,
        bytes = bytes + length(new.body) - length(old.body) WHERE name = 'queue'; END;
CREATE TRIGGER letter_in AFTER INSERT ON dead_letter BEGIN
    UPDATE tally SET entries = entries + 1, events = events + (new.event IS NOT NULL),
        bytes = bytes + {_LETTER.format("new")} WHERE name = 'letters'; END;
CREATE TRIGGER letter_out AFTER DELETE ON dead_letter BEGIN
    UPDATE tally SET entries = entries - 1, events = events - (old.event IS NOT NULL),
        bytes = bytes - ({_LETTER.format("old")}) WHERE name = 'letters'; END;

CREATE TABLE dropped (           -- events that were given up, and that nothing tells of yet
    source TEXT NOT NULL,
    cause TEXT NOT NULL,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,      -- uncompressed
    since INTEGER NOT NULL,      -- when the oldest and the newest of them came, in milliseconds
    until INTEGER NOT NULL,
    PRIMARY KEY (source, cause)
) STRICT, WITHOUT ROWID;
"""

_FOURTH = """
ALTER TABLE file ADD COLUMN trail BLOB; -- digests at earlier offsets: tail/trail.py
"""

_FIFTH = """
-- How it went in the last hour, a row a step: store/history.py
CREATE TABLE history (
    at INTEGER NOT NULL PRIMARY KEY, -- when the step ended: seconds, and not milliseconds
    lasted_ms INTEGER NOT NULL,
    lines_read INTEGER NOT NULL,
    bytes_read INTEGER NOT NULL,
    events_made INTEGER NOT NULL,
    events_received INTEGER NOT NULL,
    events_delivered INTEGER NOT NULL,
    requests_delivered INTEGER NOT NULL,
    requests_rejected INTEGER NOT NULL,
    requests_misconfigured INTEGER NOT NULL,
    requests_unavailable INTEGER NOT NULL,
    dead_letters_filed INTEGER NOT NULL,
    lag_bytes INTEGER NOT NULL,
    queue_events INTEGER NOT NULL,
    queue_bytes INTEGER NOT NULL,
    queue_oldest_seconds INTEGER
) STRICT, WITHOUT ROWID;

-- Dead letters by reason, also of those that were replayed or discarded; from here on.
INSERT INTO counter SELECT 'letters:' || reason, source, count(*) FROM dead_letter
GROUP BY source, reason;
"""

_SIXTH = """
CREATE TABLE arrival (           -- on its way into the queue, oldest first: store/arrivals.py
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    events INTEGER NOT NULL,
    body BLOB NOT NULL,          -- the events joined by LF
    created INTEGER NOT NULL
) STRICT;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH)
