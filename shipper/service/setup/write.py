"""Writes a first configuration: every choice with the reason beside it, and the next steps.

Rule 1: what is written loads; `proven` tries that each time.
Rule 2: what was found and not chosen stands there too, as a comment that can be taken in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from shipper.config.load import load_config
from shipper.service.setup.guess import Guess
from shipper.service.setup.places import Candidate


@dataclass(frozen=True, slots=True)
class Find:
    """A candidate, what its lines look like, and whether it is to be shipped."""

    candidate: Candidate
    guess: Guess
    chosen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a person decided. `zone` holds for times that name none; UTC needs no word."""

    collector: str
    state: Path
    start: Literal["beginning", "end"] = "beginning"
    zone: str = "UTC"
    directories: tuple[Path, ...] = ()


def configuration(finds: Sequence[Find], answers: Answers) -> str:
    """Return the text of the configuration. Raises ConfigError if an answer can't be used."""
    text = "\n".join(_lines(finds, answers)) + "\n"
    _prove(text)
    return text


def _prove(text: str) -> None:
    with tempfile.TemporaryDirectory(prefix="shipper-init-") as folder:
        file = Path(folder, "shipper.yaml")
        file.write_text(text, encoding="utf-8")
        load_config(file, {})


def _lines(finds: Sequence[Find], answers: Answers) -> Iterator[str]:
    yield "# Written by shipper init. Check it with: shipper check -c FILE"
    yield "# All keys, with their defaults: docs/configuration.md and configs/full.yaml."
    yield ""
    yield "# The queue and the reading positions; keep them on a local disk."
    yield f"state: {quoted(str(answers.state))}"
    yield ""
    yield "collector:"
    yield f"  url: {quoted(answers.collector)}"
    yield "  # A token stays out of this file:"
    yield '  # headers: {Authorization: "file:/run/secrets/collector-token"}'
    yield ""
    yield "# What every event says about its origin:"
    yield "# tracker: {namespace: web-logs, app_id: shop}"
    yield ""
    yield "# A page that says how it goes, and metrics, on http://127.0.0.1:8080 :"
    yield "# status: {listen: 127.0.0.1:8080}"
    yield ""
    if answers.directories:
        folders = ", ".join(quoted(str(each.absolute())) for each in answers.directories)
        yield f"grammars: {{directories: [{folders}]}}"
        yield ""
    yield "sources:"
    for find in finds:
        mark = "" if find.chosen else "# "
        yield from (f"  {mark}{line}".rstrip() for line in _source(find, answers))


def _source(find: Find, answers: Answers) -> Iterator[str]:
    candidate, guess = find.candidate, find.guess
    grammars = ", ".join(guess.grammars) or "auto"
    yield f"- name: {candidate.name}"
    yield f"  # {_found(candidate)}"
    yield f"  paths: [{', '.join(map(quoted, candidate.globs))}]"
    yield f"  # {_measured(guess)}"
    yield f"  grammar: {f'[{grammars}]' if len(guess.grammars) > 1 else grammars}"
    if guess.container != "none":
        yield "  # Takes off what the container runtime puts round each line."
        yield f"  container: {guess.container}"
    if guess.preset:
        yield "  # Joins stack traces to the line above them."
        yield f"  multiline: {{preset: {guess.preset}}}"
    if answers.start == "end":
        yield "  # Only what comes from now on."
        yield "  start: end"
    if answers.zone != "UTC":
        yield "  # The zone of times that name none."
        yield f"  timezone: {quoted(answers.zone)}"


def _found(candidate: Candidate) -> str:
    count = len(candidate.files)
    return "1 file now" if count == 1 else f"{count:,} files now; rotated ones are read first"


def _measured(guess: Guess) -> str:
    if not guess.lines:
        return "No line could be read yet, so the grammar of each is to be found by itself."
    seen = f"the last {guess.lines:,} lines"
    if not guess.grammars:
        return f"No grammar takes any of {seen}: see shipper coverage."
    if guess.matched == guess.lines:
        return f"All of {seen} match."
    share = f"{guess.percent:.1f} % of {seen} match"
    return f"{share}; what does not becomes a dead letter: see shipper coverage."


def quoted(text: str) -> str:
    """Return *text* as a double-quoted value of YAML that is no reference."""
    return orjson.dumps(text.replace("$", "$$")).decode()
