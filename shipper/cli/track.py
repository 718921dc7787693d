"""``shipper track``: events from the command line, one or many."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

if TYPE_CHECKING:
    from shipper.tracker.draining import Drained
    from shipper.tracker.emitter import Emitter
    from shipper.tracker.self_describing import SelfDescribingJson

_KEYS = {"schema", "data", "contexts", "event_id", "timestamp", "true_timestamp"}


class _Track(click.Command):
    """Ends with the Tracking CLI's codes, which has 1 for all that no status of HTTP says."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the arguments."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            error.show()
            raise click.exceptions.Exit(1) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        from shipper.errors import StateError

        try:
            return super().invoke(ctx)
        except StateError as error:
            click.echo(f"error: {error}", err=True)
            raise click.exceptions.Exit(1) from error


@click.command(cls=_Track)
@click.option("-c", "--collector", metavar="HOST", help="The collector: host, port and path.")
@click.option("--appid", "--id", "app_id", default="", metavar="NAME", help="The application id.")
@click.option(
    "-m",
    "--method",
    type=click.Choice(["POST", "GET"], case_sensitive=False),
    default="POST",
    show_default=True,
    help="How to send.",
)
@click.option(
    "-p",
    "--protocol",
    type=click.Choice(["https", "http"], case_sensitive=False),
    default="https",
    show_default=True,
    help="The scheme, if HOST has none.",
)
@click.option("--sdjson", "--sdj", metavar="JSON", help="An event: self-describing JSON.")
@click.option("-s", "--schema", metavar="URI", help="The schema of the data in --json.")
@click.option("-j", "--json", "data", metavar="JSON", help="The event's data.")
@click.option("--contexts", "--ctx", default="[]", metavar="JSON", help="An array of entities.")
@click.option("--ipaddress", "--ip", metavar="ADDRESS", help="The address of the user.")
@click.option(
    "--ndjson", type=click.File("rb"), metavar="FILE", help="Events, one a line; -: stdin."
)
@click.option(
    "--queue",
    "--dbpath",
    "--db",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep events in this queue until they are delivered, now or by a later run.",
)
@click.option("--retries", type=click.IntRange(min=0), default=0, show_default=True,
              help="How often to try again.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True,
              metavar="SECONDS", help="How long to try.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print the request, and send nothing.")
def track(ndjson: IO[bytes] | None, dry_run: bool, queue: Path | None, **options: Any) -> int:
    """Send events to a collector.

    \b
    Examples:
      shipper track -c collector.example.com -s iglu:com.example/job/jsonschema/1-0-0 \\
          -j '{"name": "backup", "seconds": 12}'
      shipper track -c collector.example.com --ndjson events.ndjson --queue /var/lib/events
      ... | shipper track -c http://127.0.0.1:9090 --ndjson - --retries 3

    A line of --ndjson is self-describing JSON, and may have contexts, event_id, timestamp and
    true_timestamp besides. Exit codes: 0 all delivered, 4 the collector answered 4xx, 5 it answered
    5xx, 1 anything else: no answer, a redirect, bad input.
    """
    run = _Run(_Settings(**options), dry_run=dry_run)
    run.refuse_two(ndjson)
    with ExitStack() as stack:
        directory = queue
        if directory is None or dry_run:
            scratch = tempfile.TemporaryDirectory(prefix="shipper-track-")
            directory = Path(stack.enter_context(scratch))
        emitter = stack.enter_context(
            run.emitter(directory, durable=queue is not None and not ndjson)
        )
        bad = run.add(emitter, ndjson)
        if dry_run:
            return run.show(emitter) or bad
        return run.send(emitter, kept=queue is not None) or bad


class _Settings(NamedTuple):
    collector: str | None
    app_id: str
    method: str
    protocol: str
    sdjson: str | None
    schema: str | None
    data: str | None
    contexts: str
    ipaddress: str | None
    retries: int
    timeout: float


class _Run:
    """One run of the command."""

    def __init__(self, settings: _Settings, *, dry_run: bool) -> None:
        self._settings = settings
        if not settings.collector and not dry_run:
            _give_up("the collector is missing: name it with --collector")

    def refuse_two(self, ndjson: IO[bytes] | None) -> None:
        """End the command if events are given in two ways: one of them would not be sent."""
        settings = self._settings
        single = {"--sdjson": settings.sdjson, "--schema": settings.schema, "--json": settings.data}
        given = [name for name, value in single.items() if value is not None]
        if ndjson is not None and given:
            _give_up(f"--ndjson and {given[0]} are given: each names the events; use one of them")

    def emitter(self, directory: Path, *, durable: bool) -> Emitter:
        from shipper.tracker.emitter import Emitter

        settings = self._settings
        made: Emitter = _or_give_up(
            Emitter,
            collector=settings.collector or "collector.invalid",
            queue=directory,
            method=settings.method.lower(),
            protocol=settings.protocol.lower(),
            durability="power" if durable else "process",
            send=False,
            longest_pause=5.0,
        )
        return made

    def add(self, emitter: Emitter, ndjson: IO[bytes] | None) -> int:
        """Store the events; return 1 if a line was no event."""
        from shipper.tracker.checks import InvalidValueError
        from shipper.tracker.subject import Subject
        from shipper.tracker.tracker import Tracker

        settings = self._settings
        subject = Subject()
        if settings.ipaddress:
            _or_give_up(subject.set_ip_address, settings.ipaddress)
        tracker = _or_give_up(Tracker, emitter, app_id=settings.app_id, subject=subject)
        entities = _or_give_up(_entities, _parsed("--contexts", settings.contexts), "--contexts")
        bad = 0
        for where, event in self._events(ndjson):
            try:
                _track(tracker, event, entities)
            except InvalidValueError as error:
                if ndjson is None:
                    _give_up(str(error))
                click.echo(f"error: {where}: {error}", err=True)
                bad = 1
        return bad

    def _events(self, ndjson: IO[bytes] | None) -> Iterator[tuple[str, Any]]:
        if ndjson is None:
            yield "", self._event()
            return
        name = getattr(ndjson, "name", "input")
        for number, line in enumerate(ndjson, start=1):
            if line.strip():
                yield f"{name}:{number}", line

    def _event(self) -> Any:
        settings = self._settings
        if settings.sdjson:
            return _parsed("--sdjson", settings.sdjson)
        if not settings.schema and not settings.data:
            _give_up("no event is given: use --sdjson, --schema with --json, or --ndjson")
        if not settings.data:
            _give_up("--schema is given, and --json is missing: it is the event's data")
        if not settings.schema:
            _give_up("--json is given, and --schema is missing: it names the event's schema")
        return {"schema": settings.schema, "data": _parsed("--json", settings.data)}

    def show(self, emitter: Emitter) -> int:
        """Print the requests that would go out."""
        if not self._settings.collector:
            click.echo("# no collector is named: this address is made up")
        for request in emitter.requests():
            click.echo(request)
        return 0

    def send(self, emitter: Emitter, *, kept: bool) -> int:
        """Send what waits; return the exit code."""
        from shipper.errors import StateError

        settings = self._settings
        try:
            done = emitter.drain(settings.timeout, settings.retries)
        except StateError:  # another process sends this queue
            left = emitter.flush(settings.timeout)
            click.echo(f"another process sends this queue; {left} events wait in it", err=True)
            return 1 if left else 0
        if not done.left and not done.refused:
            click.echo(f"{done.delivered} event(s) delivered")
            return 0
        _tell(done, kept=kept)
        return done.status // 100 if done.status and done.status >= 400 else 1


def _tell(done: Drained, *, kept: bool) -> None:
    fate = "in the queue" if kept else "lost: --queue keeps what can't be delivered"
    counts = f"{done.delivered} delivered, {done.left} not delivered ({fate})"
    click.echo(f"error: {done.why or 'no time was left'}", err=True)
    click.echo(f"  {counts}, {done.refused} refused for good", err=True)


def _track(tracker: Any, event: Any, entities: list[SelfDescribingJson]) -> None:
    """Track one event, a line or what was parsed. Raises InvalidValueError."""
    from shipper.tracker.checks import InvalidValueError
    from shipper.tracker.self_describing import SelfDescribingJson

    if isinstance(event, bytes):
        event = _exact(event)
    if not isinstance(event, dict):
        raise InvalidValueError("event", "must be an object with schema and data")
    if odd := sorted(event.keys() - _KEYS):
        raise InvalidValueError("event", f"has the key {odd[0]!r}; it may have {sorted(_KEYS)}")
    described = SelfDescribingJson(event.get("schema", ""), event.get("data"))  # type: ignore[arg-type]  # checked there
    more = {key: event[key] for key in event.keys() - {"schema", "data", "contexts"}}
    own = _entities(event.get("contexts", []), "contexts")
    tracker.track_self_describing_event(described, contexts=[*entities, *own], **more)


def _entities(value: Any, field: str) -> list[SelfDescribingJson]:
    from shipper.tracker.checks import InvalidValueError
    from shipper.tracker.self_describing import SelfDescribingJson

    if not isinstance(value, list):
        raise InvalidValueError(field, "must be an array of self-describing JSON")
    found = []
    for number, each in enumerate(value):
        if not isinstance(each, dict) or each.keys() != {"schema", "data"}:
            raise InvalidValueError(f"{field}[{number}]", "must have schema and data, no more")
        found.append(SelfDescribingJson(each["schema"], each["data"]))
    return found


def _parsed(option: str, text: str) -> Any:
    from shipper.tracker.checks import InvalidValueError

    try:
        return _exact(text)
    except InvalidValueError as error:
        _give_up(f"{option}: {error.reason}")


def _exact(text: str | bytes) -> Any:
    """Read JSON, all numbers as they are spelled. Raises InvalidValueError."""
    from shipper.tracker.checks import InvalidValueError

    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError("event", f"is malformed JSON: {error}") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _or_give_up(make: Any, *arguments: Any, **options: Any) -> Any:
    """Call *make*; end the command if a value is wrong."""
    from shipper.tracker.checks import InvalidValueError

    try:
        return make(*arguments, **options)
    except InvalidValueError as error:
        _give_up(str(error))


def _give_up(message: str) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    raise click.exceptions.Exit(1)
