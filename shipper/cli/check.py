"""``shipper check``: everything that a run needs, looked at before it is needed."""

from __future__ import annotations

import os
from pathlib import Path

import click
import orjson

from shipper.cli.options import config_option
from shipper.errors import CollectorError, ConfigError, StateError

_EXIT = {
    "config": ConfigError.exit_code,
    "state": StateError.exit_code,
    "collector": CollectorError.exit_code,
}


@click.command()
@config_option
@click.option("--offline", is_flag=True, help="Do not ask the collector.")
@click.option("--show", is_flag=True, help="Print the configuration in effect, secrets masked.")
def check(config_file: Path, offline: bool, show: bool) -> int:
    """Check configuration, grammars, paths, permissions, state and collector.

    Exit codes: 0 all is well (warnings may remain), 78 the configuration or a grammar is wrong,
    73 the state can't be used, 69 the collector does not answer.
    """
    from shipper.config.load import load_located, resolved
    from shipper.service.check import check as look

    config, located = load_located(config_file, os.environ)
    if show:
        click.echo(orjson.dumps(resolved(config), option=orjson.OPT_INDENT_2))
        return 0
    click.echo(f"ok       {config_file}: {len(config.sources)} sources")
    code = 0
    for finding in look(config, located.where, offline=offline):
        mark = finding.level if finding.level in ("ok", "warning") else "error"
        click.echo(f"{mark:<8} {_on_one_line(finding.what)}")
        if finding.remedy:
            click.echo(f"         remedy: {_on_one_line(finding.remedy)}")
        code = code or _EXIT.get(finding.level, 0)
    return code


def _on_one_line(text: str) -> str:
    """Return *text* with all escaped that would drive a terminal: paths may hold anything."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
