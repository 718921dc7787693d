"""The page of all commands, made of what ``--help`` prints."""

from __future__ import annotations

from collections.abc import Iterator

import click

from shipper.cli import cli

_WIDTH = 96
_HEAD = """# Commands

This page is made of what `shipper COMMAND --help` prints. Exit codes: 0 done, 64 usage, 65 bad
data, 69 collector unavailable, 70 internal, 73 state can't be used, 75 try again, 78 configuration.
"""


def commands_page() -> str:
    """Return the page, in Markdown."""
    return "\n".join([_HEAD, *_sections(cli, None, "shipper")])


def _sections(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    """Yield the section of *command*, and those of the commands below it."""
    context = click.Context(
        command,
        parent=parent,
        info_name=name,
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        **command.context_settings,
    )
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            if below is not None and not below.hidden:
                yield from _sections(below, context, each)
