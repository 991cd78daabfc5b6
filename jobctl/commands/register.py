"""`jobctl register`: store decorated functions as jobs."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import click

from jobctl import control
from jobctl.api import MARK, Mark
from jobctl.commands.add import add
from jobctl.commands.context import App, check_name, clean, json_option, pass_app
from jobctl.commands.definition import CALLABLE, RECORDED, new_definition, present_directory
from jobctl.errors import BadInput, Refused
from jobctl.model import Definition
from jobctl.output import escape
from jobctl.records import fields, replace
from jobctl.store import Store
from jobctl.views import job_view

GROUP: Final = "jobctl.jobs"
PARAMETERS: Final = {parameter.name: parameter for parameter in add.params}
"""The options of `add`: those of the decorator are checked as these are."""


@click.command()
@click.argument("module", required=False)
@click.option("--installed", is_flag=True, help="What installed packages offer as entry points of jobctl.jobs.")
@json_option
@pass_app
def register(app: App, module: str | None, installed: bool, as_json: bool) -> None:
    """Store the functions that a module decorates with @jobctl.job as jobs.

    The module is imported here and now, from the present directory or wherever Python finds it. What the decorator
    says replaces the job's definition; schedules stay.

    \b
    jobctl register shop.tasks
    jobctl register --installed
    """
    if (module is None) == (not installed):
        raise BadInput("give the name of a module, or --installed")
    found = installed_callables() if installed else callables_of(imported(module or ""))
    definitions = definitions_of(found, path=not installed)
    if not definitions:
        where = f"no installed package has an entry point in {GROUP}" if installed else f"{module} has no such function"
        raise BadInput(f"nothing to register: {where}; decorate one with @jobctl.job")
    store = app.store()
    refuse_others(store, definitions)
    actions = {name: store_definition(store, name, definition) for name, definition in definitions.items()}
    lines = [f"{action:9}  {name}  {definitions[name].callable}" for name, action in actions.items()]
    documents = [job_view(store, store.job(name)).document() for name in actions]
    app.output(as_json).result("\n".join(map(escape, lines)), jobs=documents, registered=actions)


def imported(name: str) -> ModuleType:
    """The module of that name, the present directory being the last place to look."""
    clean(name, "a module's name")
    if name.endswith(".py") or "/" in name:
        guess = name.removesuffix(".py").strip("./").replace("/", ".")
        raise BadInput(f"{name!r} is a file; write the module's name, as in: jobctl register {guess}")
    if not CALLABLE.fullmatch(f"{name}:x"):
        raise BadInput(f"{name!r} is not the name of a module; write one like shop.tasks")
    here = present_directory()
    if here not in sys.path:
        sys.path.append(here)
    with user_code(f"cannot import {name}"):
        return importlib.import_module(name)


@contextlib.contextmanager
def user_code(doing: str) -> Iterator[None]:
    """What imported code prints goes to stderr, and what it raises becomes one sentence."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            text = str(error).partition("\n")[0]
            raise BadInput(f"{doing}: {type(error).__name__}{f': {text}' if text else ''}") from None


def callables_of(module: ModuleType) -> dict[str, Mark]:
    """The marked functions of a module and of the package it is, by their import paths."""
    found = {}
    for attribute, value in sorted(vars(module).items()):
        mark = getattr(value, MARK, None)
        home = getattr(value, "__module__", None) or ""
        if isinstance(mark, Mark) and (home == module.__name__ or home.startswith(f"{module.__name__}.")):
            found[f"{module.__name__}:{attribute}"] = mark
    return found


def installed_callables() -> dict[str, Mark]:
    """The marked functions of the modules, and the single ones, that installed packages offer."""
    from importlib.metadata import entry_points

    found: dict[str, Mark] = {}
    for point in entry_points(group=GROUP):
        with user_code(f"cannot import {point.value}, which an installed package offers"):
            target = point.load()
        if isinstance(target, ModuleType):
            found |= callables_of(target)
        elif isinstance(mark := getattr(target, MARK, None), Mark):
            found[point.value.partition(" ")[0]] = mark
        else:
            raise BadInput(f"the entry point {point.name!r} in {GROUP} is no function decorated with @jobctl.job")
    return found


def definitions_of(found: dict[str, Mark], *, path: bool) -> dict[str, Definition]:
    """The definitions of marked functions, by the names of their jobs."""
    definitions: dict[str, Definition] = {}
    for callable_, mark in found.items():
        try:
            name, definition = check_name(mark.name), new_definition(None, options_of(callable_, mark))
        except BadInput as error:
            raise BadInput(f"{callable_}: {error}") from None
        if name in definitions:
            raise BadInput(
                f"{definitions[name].callable} and {callable_} are both named {name!r}; name one differently"
            )
        definitions[name] = definition if path else replace(definition, path=())
    return definitions


def options_of(callable_: str, mark: Mark) -> dict[str, Any]:
    """The decorator's options as those of `add`, checked by the same rules."""
    options: dict[str, Any] = {"command": None, "callable_": callable_}
    for field in fields(mark.options):
        value = getattr(mark.options, field.name)
        many = field.name in ("tags", "env", "notify")
        if value is None:
            options[field.name] = () if many else None
        elif field.name == "env" and hasattr(value, "items"):
            options["env"] = tuple(f"{name}={text}" for name, text in value.items())
        elif many:
            options[field.name] = tuple(converted(field.name, each) for each in value)
        else:
            options[field.name] = converted(field.name, value)
    return {"success_codes": None, **options}


def converted(name: str, value: object) -> Any:
    parameter = PARAMETERS[name]
    try:
        return parameter.type.convert(value, parameter, None)
    except click.BadParameter as error:
        raise BadInput(f"{name}: {error.message}") from None
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None
    except (TypeError, AttributeError, ValueError):
        raise BadInput(f"{name} cannot be {value!r}") from None


def refuse_others(store: Store, definitions: dict[str, Definition]) -> None:
    """A job of that name which runs a command is somebody else's."""
    for name in definitions:
        existing = store.find_job(name)
        if existing is not None and existing.version.definition.callable is None:
            summary = existing.version.definition.summary
            raise Refused(
                f"job {name!r} exists and runs a command ({summary}); remove it, or give the function a name="
            )


def store_definition(store: Store, name: str, definition: Definition) -> str:
    """Add or update the job; says which, or that it was the same."""
    existing = store.find_job(name)
    if existing is None:
        control.add_job(store, name, definition)
        return "added"
    old = existing.version.definition
    kept = kept_surroundings(old, definition)
    if kept == old:
        return "unchanged"
    control.edit_job(store, name, {field.name: getattr(kept, field.name) for field in fields(kept)})
    return "updated"


def kept_surroundings(old: Definition, new: Definition) -> Definition:
    """`new` with what `old` had recorded of its surroundings: another shell's PATH is no change of the job."""
    recorded = {k: v for k, v in old.environment.items() if k in RECORDED or k.startswith("LC_")}
    said = {k: v for k, v in new.environment.items() if not (k in RECORDED or k.startswith("LC_"))}
    return replace(new, environment=recorded | said, umask=old.umask)
