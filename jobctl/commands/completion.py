"""`jobctl completion`: the script that makes a shell complete jobctl's words."""

from __future__ import annotations

import os

import click

from jobctl.commands.context import App, json_option, pass_app
from jobctl.errors import BadInput


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), required=False)
@json_option
@click.pass_context
@pass_app
def completion(app: App, ctx: click.Context, shell: str | None, as_json: bool) -> None:
    """Print the completion script for a shell, by default the present one.

    \b
    eval "$(jobctl completion bash)"                                   in ~/.bashrc
    jobctl completion fish > ~/.config/fish/completions/jobctl.fish
    """
    from click.shell_completion import get_completion_class

    shell = shell or os.path.basename(os.environ.get("SHELL", ""))
    complete = get_completion_class(shell)
    if complete is None:
        raise BadInput(f"no completion for the shell {shell!r}; there are: bash, zsh, fish")
    script = complete(ctx.find_root().command, {}, "jobctl", "_JOBCTL_COMPLETE").source()
    app.output(as_json).result(script, shell=shell, script=script)
