"""`jobctl edit`: change a job."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from jobctl import control
from jobctl.commands.context import NAME, App, TakesArgv, json_option, pass_app
from jobctl.commands.definition import (
    PLAIN,
    Environment,
    absolute,
    check_numbers,
    definition_options,
    interpreter,
    what_runs,
)
from jobctl.errors import BadInput
from jobctl.model import Definition
from jobctl.output import escape
from jobctl.views import job_view

UNSETS: Final = {"no_timeout": "timeout", "no_token": "token", "no_concurrency": "concurrency", "no_expect": "expect"}
"""Options that unset a field, by the field's name."""


@click.command(cls=TakesArgv)
@click.argument("name", type=NAME)
@definition_options
@click.option("--no-timeout", is_flag=True, help="Let runs take as long as they like.")
@click.option("--no-token", is_flag=True, help="Wait for no other system job.")
@click.option("--no-concurrency", is_flag=True, help="Let any number of its runs go at a time.")
@click.option("--no-expect", is_flag=True, help="Expect nothing of it.")
@click.option("--no-notify", is_flag=True, help="Tell nobody, but whom the daemon tells of every job.")
@click.option("--no-env", metavar="K", multiple=True, help="Leave this variable out.")
@click.option("--no-tags", is_flag=True, help="Take away all tags.")
@json_option
@pass_app
def edit(app: App, name: str, argv: tuple[str, ...] | None, as_json: bool, **options: Any) -> None:
    """Change a job; only what is given changes.

    Runs that have begun keep the definition they began with. --env adds a variable or replaces it; --tag and
    --notify replace all there were. The schedule is changed with: jobctl reschedule.

    \b
    jobctl edit backup --timeout 30m --retries 2
    jobctl edit backup --no-timeout -- tar cJf /srv/backup.txz /home
    """
    store = app.store()
    definition = store.job(name).version.definition
    changed = changes(definition, argv, options)
    if not changed:
        raise BadInput(f"nothing to change: say what, as in jobctl edit {name} --timeout 30m")
    job = control.edit_job(store, name, changed)
    differing = [field for field in changed if getattr(job.version.definition, field) != getattr(definition, field)]
    words = ", ".join(field.replace("_", " ") for field in differing)
    text = f"changed {name}: {words}" if differing else f"{name} is like that already"
    app.output(as_json).result(escape(text), job=job_view(store, job).document())


def changes(definition: Definition, argv: tuple[str, ...] | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the definition that the options change, with their new values."""
    check_numbers(options)
    if definition.internal is not None and (argv or options["command"] or options["callable_"]):
        raise BadInput(f"this job runs jobctl's own {definition.summary}; for another command, define another job")
    changed: dict[str, Any] = {name: options[name] for name in PLAIN if options[name] is not None}
    for option, field in UNSETS.items():
        if options[option] and field in changed:
            raise BadInput(f"--{field} and --no-{field} exclude each other")
        if options[option]:
            changed[field] = None
    for option, field in (("tag", "tags"), ("notify", "notify")):
        if options[field] and options[f"no_{field}"]:
            raise BadInput(f"--{option} and --no-{field} exclude each other")
        if options[field] or options[f"no_{field}"]:
            changed[field] = tuple(dict.fromkeys(options[field]))
    if options["env"] or options["no_env"]:
        changed |= environment_changes(definition, options["env"], options["no_env"])
    if options["cwd"] is not None:
        changed["cwd"] = absolute(options["cwd"], "the directory", os.path.isdir)
    changed |= what_runs(argv, options["command"], options["callable_"])
    return changed | callable_changes(definition, changed, options)


def environment_changes(definition: Definition, texts: tuple[str, ...], dropped: tuple[str, ...]) -> dict[str, object]:
    environment = Environment.parse(texts)
    known = {*definition.environment, *definition.environment_from_daemon, *definition.environment_from_file}
    for name in dropped:
        if name in environment.names:
            raise BadInput(f"--env {name} and --no-env {name} exclude each other")
        if name not in known:
            raise BadInput(f"--no-env {name}: the job has no variable of that name")
    return environment.over(definition, dropped)


def callable_changes(definition: Definition, changed: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """What only a callable has: kept, set anew or taken away with what the job runs."""
    python, isolate = options["python"], options["isolate"]
    if changed.get("callable", definition.callable) is None or changed.get("command") or changed.get("argv"):
        if python is not None or isolate:
            raise BadInput(
                f"{'--python' if python is not None else '--isolate'} is for a callable; this job runs a command"
            )
        return {"python": None, "path": (), "isolate": False} if definition.callable is not None else {}
    fields: dict[str, Any] = {}
    if python is not None or definition.python is None:
        fields["python"] = sys.executable if python is None else interpreter(python)
    if isolate is not None:
        fields["isolate"] = isolate
    cwd = changed.get("cwd", definition.cwd)
    if definition.callable is None:
        fields["path"] = (cwd,)
    elif cwd != definition.cwd:
        fields["path"] = tuple(cwd if entry == definition.cwd else entry for entry in definition.path)
    return fields
