"""Options that several commands share, and what they load."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shipper.config.models import Config
    from shipper.grammar.auto import Auto
    from shipper.grammar.grammar import Grammar
    from shipper.grammar.library import Library
    from shipper.store.store import Store

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_VENDOR = re.compile(r"[a-zA-Z0-9_-][a-zA-Z0-9_.-]*")


def _vendor(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _VENDOR.fullmatch(value):
        raise click.BadParameter("write a domain backwards, such as com.acme")
    return value


def _known(context: click.Context) -> list[str]:
    """Return the names that a shell may complete: of the directories named so far, too."""
    from shipper.errors import GrammarError

    try:
        return library(context.params.get("directories") or ()).names()
    except GrammarError:
        return []


def _complete_name(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    return [name for name in _known(context) if name.startswith(incomplete)]


def complete_names(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return what a list of names that ends in *incomplete* may become."""
    head, comma, last = incomplete.rpartition(",")
    found = [name for name in [*_known(context), "auto"] if name.startswith(last)]
    return [f"{head}{comma}{name}" for name in found]


config_option: Decorator = click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    required=True,
    envvar="SHIPPER_CONFIG",
    show_envvar=True,
    help="The configuration file.",
)
log_format_option: Decorator = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the shipper's own log is written to standard error.",
)
verbose_option: Decorator = click.option(
    "-v", "--verbose", is_flag=True, help="Also log each file that is opened, renamed, let go."
)
json_option: Decorator = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)
directories_option: Decorator = click.option(
    "-d",
    "--grammars",
    "directories",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="A directory with grammars of your own; may be given several times.",
)
patterns_option: Decorator = click.option(
    "--patterns",
    "pattern_directories",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="A directory with grok pattern files; may be given several times.",
)
timezone_option: Decorator = click.option(
    "--timezone",
    default="UTC",
    metavar="ZONE",
    callback=lambda _context, _option, value: _zone(value),
    help="The zone of times that name none, such as Europe/Berlin.",
)
zone_option: Decorator = click.option(
    "--timezone",
    "zone",
    default="",
    metavar="ZONE",
    callback=lambda _context, _option, value: _zone(value) if value else "",
    help="The zone of times that name none; by default the source says it.",
)
names_option: Decorator = click.option(
    "-g",
    "--grammar",
    "names",
    required=True,
    metavar="NAME[,NAME…]|auto",
    help="Grammars to try, in this order; auto: the one that fits, of all there are.",
    shell_complete=complete_names,
)
vendor_option: Decorator = click.option(
    "--vendor",
    callback=_vendor,
    help="The vendor of the schemas in place of org.logfilesource, such as com.acme.",
)


def grammar_argument(*names: str, **more: Any) -> Decorator:
    """Return the argument that names grammars; shells complete it."""
    return click.argument(*names, shell_complete=_complete_name, **more)


def _zone(value: str) -> str:
    from shipper.grammar.time_formats import TimeFormatError
    from shipper.grammar.zones import require_zone

    try:
        require_zone(value)
    except TimeFormatError as error:
        raise click.BadParameter(f"{error.what}; {error.remedy}") from error
    return value


def load(file: Path) -> Config:
    """Load the configuration. Raises ConfigError."""
    from shipper.config.load import load_config

    return load_config(file, os.environ)


def open_store(config: Config) -> Store:
    """Open the state that *config* names, which has to be there. Raises StateError."""
    from shipper.store.store import Store

    must_have_state(config.state)
    return Store.open(config.state)


def must_have_state(directory: Path) -> None:
    """Raise StateError if there is no state in *directory*."""
    from shipper.errors import StateError
    from shipper.store.store import has_state, moved_away

    if has_state(directory):
        return
    if gone := moved_away(directory):
        raise gone
    what = f"there is no state in {directory}"
    raise StateError(what, "shipper run makes it; see `state` in the configuration")


def library(
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...] = (),
    timezone: str = "UTC",
) -> Library:
    """Return the library of shipped grammars and those in *directories*."""
    from shipper.grammar.library import Library

    return Library(directories, pattern_directories, timezone)


def chosen(names: str, shelf: Library) -> list[Grammar | Auto]:
    """Return the grammars that `-g` names. Raises GrammarError."""
    return [shelf.named(name.strip()) for name in names.split(",")]
