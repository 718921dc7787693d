"""What can be configured: frozen values with their defaults, limits and descriptions.

Rule 1: unknown keys are errors. A key stands here only if it has an effect.
Rule 2: everything has a default but `collector.url`, and `sources` where there is no receiver.
Rule 3: nothing is opened here. Whether paths are readable and grammars exist is asked elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from shipper.config.collector import DAY, CollectorConfig
from shipper.config.entities import iglu_uri, json_object
from shipper.config.fields import (
    STDIN,
    AbsolutePath,
    Excludes,
    Globs,
    Group,
    Maybe,
    Names,
    NotBoolean,
    Paths,
    Seconds,
    Size,
    Text,
    filled,
    lower_case,
    wrong,
)
from shipper.config.receiver import ReceiverConfig
from shipper.config.records import EncodingName, MultilineConfig, ZoneName
from shipper.config.status import StatusConfig
from shipper.formats.records import Container, Rules

MIB = 1_048_576

# Platform codes that Enrich accepts; any other fails the event.
Platform = Literal["web", "iot", "app", "mob", "pc", "cnsl", "tv", "srv", "headset"]


def _whole_units(value: int) -> int:
    if value % 4:  # so that no chunk begins within a character of UTF-16 or UTF-32
        raise wrong(f"{value} is no multiple of 4", f"use {value - value % 4}")
    return value


class TrackerConfig(Group):
    """What every event says about its origin. Lengths are Enrich's: longer would fail the event."""

    namespace: Annotated[Text | None, Field(max_length=128), Maybe] = Field(
        None, description="Name of this tracker (`tna`)"
    )
    app_id: Annotated[Text | None, Field(max_length=255), Maybe] = Field(
        None, description="Application the events belong to (`aid`)"
    )
    platform: Annotated[Platform, BeforeValidator(lower_case)] = Field(
        "srv", description="Platform code (`p`)"
    )
    base64: Annotated[bool | None, Maybe] = Field(
        None, description="Encode JSON as base64; by default only for `method: get`"
    )


class EntityConfig(Group):
    """A self-describing fact attached to each event of a source."""

    schema_uri: Annotated[str, AfterValidator(iglu_uri)] = Field(
        alias="schema", description="Iglu URI of the entity's schema"
    )
    data: Annotated[dict[str, Any], AfterValidator(json_object)] = Field(
        description="The entity's own fields"
    )


class SourceConfig(Group):
    """Which files to read, and what their records are."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = Field(
        description="Name of the source, unique; state and metrics are kept under it"
    )
    paths: Globs = Field(
        description="Globs of the files and FIFOs to read; `**` crosses directories; `-` is "
        "standard input"
    )
    exclude: Excludes = Field(
        (), description="Globs to leave out: of the file's name, or with a slash of the whole path"
    )
    grammar: Names = Field(
        description="Grammar of the records, or several tried in order; `auto` finds it by itself"
    )
    start: Literal["beginning", "end"] = Field(
        "beginning", description="Where reading starts in a file met for the first time"
    )
    unmatched: Literal["dead_letter", "drop"] = Field(
        "dead_letter",
        description="What happens to a record that no grammar takes; `drop` counts it as filtered",
    )
    blank_lines: Literal["skip", "keep"] = Field(
        "skip", description="`skip`: count blank lines; `keep`: let the grammar see them"
    )
    partial_after: Annotated[Seconds | None, Field(ge=0.1, le=DAY), Maybe] = Field(
        None,
        description="After how long a last line without an end is taken as it is; by default it "
        "waits for its end, or for the end of the file",
    )
    encoding: EncodingName = Field(
        "utf-8", description="Encoding of the files; a byte order mark in a file goes before it"
    )
    timezone: ZoneName = Field(
        "UTC", description="Zone of times that name none: `UTC`, `+hh:mm` or an IANA name"
    )
    max_line_bytes: Annotated[Size, Field(ge=1_024, le=64 * MIB)] = Field(
        MIB,
        description="Longest line that is taken whole; `long_lines` says what becomes of others",
    )
    long_lines: Literal["truncate", "dead_letter", "skip"] = Field(
        "truncate",
        description="`truncate`: an event of the beginning, with an entity that says so; "
        "`dead_letter`: keep it there; `skip`: count it",
    )
    container: Container = Field(
        "none", description="Wrapping that a container runtime put round each line, to take off"
    )
    multiline: MultilineConfig | None = Field(
        None, description="Which lines belong together; by default each is a record of its own"
    )
    entities: tuple[EntityConfig, ...] = Field(
        (), description="Entities attached to each event of this source"
    )

    @property
    def stdin(self) -> bool:
        """Whether it reads standard input."""
        return STDIN in self.paths

    @property
    def globs(self) -> tuple[str, ...]:
        """The patterns of the files that it reads."""
        return tuple(path for path in self.paths if path != STDIN)

    def rules(self) -> Rules | None:
        """Return how lines become records, or None where each line is one as it stands."""
        if self.multiline is not None:
            limits = self.multiline
            return Rules(
                container=self.container,
                multiline=limits.rule(),
                max_lines=limits.max_lines,
                max_bytes=limits.max_bytes,
            )
        return Rules(container=self.container) if self.container != "none" else None


class QueueConfig(Group):
    """How much may wait on disk for the collector."""

    max_bytes: Annotated[Size, Field(ge=1_000_000, le=10**14)] = Field(
        10_000_000_000, description="Largest state on disk: the backlog, and what is beside it"
    )
    max_age: Annotated[Seconds | None, Field(ge=1, le=3_650 * DAY), Maybe] = Field(
        None, description="The queue is full, too, when an event has waited for so long"
    )
    when_full: Literal["pause", "drop_oldest", "drop_newest"] = Field(
        "pause",
        description="`pause`: stop reading, the log files keep what is new; `drop_oldest`: give up "
        "what has waited longest; `drop_newest`: give up what is read; what is dropped is told",
    )
    min_free: Annotated[Size, Field(ge=0, le=10**14)] = Field(
        256_000_000,
        description="Reading pauses while less of the disk is free; of a small disk, a twentieth",
    )
    when_damaged: Literal["salvage", "refuse"] = Field(
        "salvage",
        description="A damaged state file at the start. `salvage`: keep it aside, and go on with "
        "what can be read of it; `refuse`: end with exit code 73",
    )


class DeadLettersConfig(Group):
    """How much is kept of what could not be delivered."""

    max_bytes: Annotated[Size, Field(ge=1_000_000, le=10**14)] = Field(
        1_000_000_000, description="Most bytes of dead letters, as they are stored: compressed"
    )
    max_age: Annotated[Seconds | None, Field(ge=60, le=3_650 * DAY), Maybe] = Field(
        None, description="After how long they are discarded; by default never"
    )
    when_full: Literal["pause", "drop_oldest"] = Field(
        "pause",
        description="`pause`: stop reading, until someone has seen to them; `drop_oldest`: discard "
        "the oldest, and say so",
    )


class TailConfig(Group):
    """How files are watched and read."""

    sweep: Annotated[Seconds, Field(ge=0.01, le=3_600)] = Field(
        2.0, description="Longest time between two looks at files that are quiet"
    )
    rotate_grace: Annotated[Seconds, Field(ge=0, le=30 * DAY)] = Field(
        60.0, description="How long a renamed or deleted file is still watched for late writes"
    )
    chunk_bytes: Annotated[Size, Field(ge=4_096, le=16 * MIB), AfterValidator(_whole_units)] = (
        Field(262_144, description="How much is read from a file at a time; a multiple of 4")
    )
    backfill_bytes: Annotated[Size | None, Field(ge=4_096, le=10**12), Maybe] = Field(
        None,
        description="Most bytes a second that are read of old content, so that what is new does "
        "not wait for the collector behind it; by default as much as goes",
    )


_VENDOR = r"^[a-zA-Z0-9_-][a-zA-Z0-9_.-]*$"


class GrammarsConfig(Group):
    """Where your own grammars are. The shipped ones are always there."""

    directories: Paths = Field((), description="Directories of grammar files")
    patterns: Paths = Field((), description="Directories of grok pattern files")
    vendor: Annotated[Text | None, Field(max_length=128, pattern=_VENDOR), Maybe] = Field(
        None,
        description="Vendor of the schemas that events name in place of `org.logfilesource`; give "
        "the same to `shipper grammar schema --vendor`",
    )


def _needed(value: object, info: ValidationInfo) -> object:
    """Return the sources, of which there have to be some, but beside a receiver."""
    received = info.data.get("receiver", True) is not None  # one that is wrong is one
    if received or (not isinstance(value, list | tuple)) or value:
        return value
    if value == ():  # not written
        raise PydanticCustomError("missing", "is missing")
    return filled(value)


class Config(Group):
    """The whole configuration."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["sources"], "properties": {"sources": {"minItems": 1}}},
                {"required": ["receiver"], "properties": {"receiver": {"type": "object"}}},
            ]
        }
    )

    state: AbsolutePath = Field(
        Path("/var/lib/shipper"), description="Directory of the queue and the checkpoints"
    )
    namespace: Annotated[Text | None, Field(max_length=255), Maybe] = Field(
        None, description="What event ids are derived from; by default the host's name"
    )
    collector: CollectorConfig = Field(description="Where events go")
    tracker: TrackerConfig = Field(
        TrackerConfig(), description="What events say about their origin"
    )
    receiver: ReceiverConfig | None = Field(
        None, description="The local daemon that trackers send to; by default there is none"
    )
    status: StatusConfig | None = Field(
        None, description="The status page; by default there is none"
    )
    sources: Annotated[tuple[SourceConfig, ...], BeforeValidator(_needed)] = Field(
        (),
        description="Which files to read; only beside a receiver may there be none",
        validate_default=True,
    )
    workers: Annotated[int, Field(ge=0, le=64), NotBoolean] = Field(
        0, description="Processes that parse; 0: this one does, which is enough for most"
    )
    queue: QueueConfig = Field(QueueConfig(), description="The backlog on disk")
    dead_letters: DeadLettersConfig = Field(
        DeadLettersConfig(), description="What could not be delivered"
    )
    tail: TailConfig = Field(TailConfig(), description="How files are watched and read")
    grammars: GrammarsConfig = Field(GrammarsConfig(), description="Where your own grammars are")
