"""The command line. Each command stands in a module of its own, loaded when it is called.

Exit codes are sysexits(3): see `shipper.errors`; 64 for a command line that makes no sense.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

from shipper import __version__
from shipper.errors import InvalidError, ShipperError

_COMMANDS = {
    "run": ("run:run", "Ship log files to the collector: the main job."),
    "receive": ("receive:receive", "Take events from trackers, and deliver them: the daemon."),
    "track": ("track:track", "Send events from the command line, one or many."),
    "demo": ("demo:demo", "See the whole path with nothing to set up."),
    "init": ("init:init", "Find log files, and write a first configuration."),
    "check": ("check:check", "Check configuration, grammars, paths, state and collector."),
    "parse": ("parse:parse", "Parse lines, print one JSON object each."),
    "explain": ("explain:explain", "Show why a line does not parse."),
    "coverage": ("coverage:coverage", "Say how many lines grammars take, and what the rest is."),
    "grammar": ("grammar:grammar", "List, show, make, test and lint grammars; write schemas."),
    "config": ("config:config", "Print the JSON Schemas that editors use."),
    "completion": ("completion:completion", "Print the completion script of a shell."),
    "collector": ("collector:collector", "Run a development collector that explains itself."),
    "dead-letters": ("dead_letters:dead_letters", "See to what could not be delivered."),
    "queue": ("queue:queue", "See to what waits: stats, peek, export, import, check, compact."),
    "state": ("state:state", "Copy the state, restore it, move it to another node."),
    "audit": ("audit:audit", "Prove that everything that was read is accounted for."),
    "status": ("status:status", "Show what runs, what waits, what is behind."),
}


class _Commands(click.Group):
    """Loads a command when it is needed: start-up time is a feature."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(f"shipper.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shipper")
def cli() -> None:
    """Tail log files into Snowplow as well-structured events, and lose none.

    \b
    See it work:            shipper demo
    Find your logs:         shipper init
    Ship for real:          shipper run -c shipper.yaml
    Check first:            shipper check -c shipper.yaml
    Try a grammar:          shipper parse -g nginx_access access.log

    Completion for your shell: put  eval "$(shipper completion bash)"  into ~/.bashrc, or see
    shipper completion --help for the others.
    """


def main() -> NoReturn:
    """Run the command line; the process ends here."""
    sys.exit(run_cli(sys.argv[1:]))


def run_cli(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code = cli.main(arguments, prog_name="shipper", standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return 64
    except InvalidError as error:
        _complain(error, f"{len(error.problems)} problem(s) to mend")
        return error.exit_code
    except ShipperError as error:
        _complain(error, "shipper failed")
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain at exit, either.
        sys.stdout = None
        return 0
    return code if isinstance(code, int) else 0


def _complain(error: ShipperError, title: str) -> None:
    click.echo(f"error: {title}:" if isinstance(error, InvalidError) else "error:", err=True)
    for line in str(error).splitlines():
        click.echo(f"  {line}", err=True)
