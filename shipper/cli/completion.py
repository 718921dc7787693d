"""``shipper completion``: the script that lets a shell complete our command lines."""

from __future__ import annotations

import click

from shipper.errors import UsageError


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of SHELL: commands, options, files, and names of grammars.

    \b
    Examples:
      echo 'eval "$(shipper completion bash)"' >> ~/.bashrc     (bash 4.4 or newer)
      echo 'eval "$(shipper completion zsh)"' >> ~/.zshrc       (behind compinit)
      shipper completion fish > ~/.config/fish/completions/shipper.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise UsageError(f"there is no completion for {shell}", "use bash, zsh or fish")
    program = context.find_root().command
    click.echo(made(program, {}, "shipper", "_SHIPPER_COMPLETE").source())
