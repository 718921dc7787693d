"""``shipper state``: copies of the state, and the way to another node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from shipper.cli.options import config_option, json_option, load, must_have_state

if TYPE_CHECKING:
    from shipper.store.store import Store

_file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
_NOTE = (
    "files are recognised by their path and their beginning, whatever their inodes: keep the paths"
)


@click.group()
def state() -> None:
    """Copy the state, restore it, move it to another node.

    The state holds the queue, the dead letters and how far each file was read: log lines, too, so
    keep copies as you keep the logs.
    """


@state.command(epilog="Example:  shipper state backup -c shipper.yaml /backup/shipper.db")
@config_option
@_file_argument
@json_option
def backup(config_file: Path, file: Path, as_json: bool) -> None:
    """Write a copy of the state, as of one moment, to FILE, while `shipper run` is running.

    What is sent after it is in the copy, too: restored, it comes again with the same ids.
    """
    from shipper.cli.progress_line import progress
    from shipper.store.backup import backup as copy
    from shipper.store.store import DATABASE

    config = load(config_file)
    must_have_state(config.state)
    with progress("copying") as tick:
        copy(config.state / DATABASE, file, tick)
    _tell(file, "copied", as_json)


@state.command(
    epilog="Example, on the new node:  shipper state restore -c shipper.yaml /backup/shipper.db"
)
@config_option
@_file_argument
@click.option("--replace", is_flag=True, help="Put a state that is there aside; it is kept.")
@json_option
def restore(config_file: Path, file: Path, replace: bool, as_json: bool) -> None:
    """Make the copy FILE the state of this configuration. No `shipper run` may use it.

    Reading goes on where the copy was made: what was read since is read again, with the same ids.
    Files are recognised by path and beginning, on another node as well, where inodes differ.
    """
    from shipper.store.backup import check
    from shipper.store.backup import restore as put
    from shipper.store.lock import sender_lock
    from shipper.store.store import DATABASE, make_directory

    config = load(config_file)
    check(file)
    make_directory(config.state)
    with sender_lock(config.state):
        kept = put(file, config.state / DATABASE, replace=replace)
    _tell(config.state / DATABASE, "restored", as_json)
    if not as_json:
        if kept:
            click.echo(f"what was there is {kept}")
        click.echo(_NOTE)


@state.command(
    epilog="Example, on the old node:  shipper state move -c shipper.yaml /mnt/shipper.db"
)
@config_option
@_file_argument
@json_option
def move(config_file: Path, file: Path, as_json: bool) -> None:
    """Write the state to FILE and retire it here, so that no two nodes send the same queue.

    No `shipper run` may use it. What stays here is renamed, not removed, and none starts here again
    while it is there. On the new node, with the same paths to the same logs: shipper state restore.
    """
    from shipper.cli.progress_line import progress
    from shipper.store.backup import backup as copy
    from shipper.store.backup import check, retire
    from shipper.store.lock import sender_lock
    from shipper.store.store import DATABASE, MOVED

    config = load(config_file)
    must_have_state(config.state)
    with sender_lock(config.state):
        with progress("copying") as tick:
            copy(config.state / DATABASE, file, tick)
        check(file)
        kept = retire(config.state / DATABASE, MOVED)
    _tell(file, "moved", as_json)
    if not as_json:
        click.echo(f"what stays here is {kept}")
        click.echo(_NOTE)


def _tell(file: Path, what: str, as_json: bool) -> None:
    from shipper.store.database import Database
    from shipper.store.store import Store

    store = Store(Database(file))
    try:
        facts = {"file": str(file), **_facts(store)}
    finally:
        store.close()
    if as_json:
        click.echo(orjson.dumps(facts))
    else:
        click.echo(
            f"{what}: {file}, {facts['events']:,} events that wait, {facts['dead_letters']:,} dead "
            f"letters, {facts['files']:,} open files"
        )


def _facts(store: Store) -> dict[str, int]:
    return {
        "events": store.backlog().events,
        "dead_letters": store.counting.on_record("letters").entries,
        "files": len(store.checkpoints()),
    }
