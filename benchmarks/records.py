"""Keeps what was measured, a file a part, and puts the newest of all into the document."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from benchmarks.cache import ROOT, kept
from benchmarks.charts import drawn
from benchmarks.report import Outcome, Record, document, file_of, generated

DOCUMENT = ROOT / "docs" / "performance.md"
_RECORD = TypeAdapter(Record)


def record_of(outcome: Outcome, others: float, *, quick: bool) -> Record:
    """Return *outcome* with where and when it was found."""
    return Record(
        outcome=outcome,
        when=time.strftime("%Y-%m-%d"),
        revision=revision(),
        machine=machine(),
        others=others,
        quick=quick,
    )


def keep(name: str, record: Record) -> None:
    """Keep the record of the part *name*; a quick one never takes the place of a whole one."""
    _place(name, quick=record.quick).write_bytes(_RECORD.dump_json(record, indent=1))


def kept_record(name: str) -> Record | None:
    """Return the record of the part *name*, if a whole one was kept."""
    try:
        return _RECORD.validate_json(_place(name, quick=False).read_bytes())
    except (OSError, ValidationError):
        return None


def publish(records: Mapping[str, Record | None], path: Path = DOCUMENT) -> str:
    """Put *records*, by part, into the document at *path*, and their figures beside it.

    Where one is missing, nothing is written, for what is there would go. Returns what was done.
    """
    found = [record for record in records.values() if record is not None]
    if len(found) < len(records):
        missing = ", ".join(name for name, record in records.items() if record is None)
        return f"{path.name} stays as it is, for it was not measured here: {missing}"
    text = document(path.read_text(encoding="utf-8"), generated(found))
    path.write_text(text, encoding="utf-8")
    for record in found:
        for chart in record.outcome.charts:
            path.with_name(file_of(chart)).write_text(drawn(chart), encoding="utf-8")
    return f"written: {path}"


def revision() -> str:
    """Return the commit that is checked out; with a + where files differ from it."""
    said = _git("rev-parse", "--short=9", "HEAD") or "unknown"
    return f"{said}{'+' if _git('status', '--porcelain', '--', 'shipper', 'grammars') else ''}"


def machine() -> str:
    """Return what figures depend on, and nothing that names the machine."""
    cores = len(os.sched_getaffinity(0))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores} cores, {platform.machine()}, {python}, SQLite {sqlite3.sqlite_version}"


def _place(name: str, *, quick: bool) -> Path:
    return kept("results", f"{name}{'-quick' if quick else ''}.json")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
