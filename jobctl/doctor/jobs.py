"""The jobs: whether what they run, where, and when, can be had here."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator

from jobctl import ledger
from jobctl.doctor.checks import Check, fail, ok, warn
from jobctl.errors import BadInput
from jobctl.model import Definition, Job
from jobctl.store import Store


def jobs(store: Store) -> Iterator[Check]:
    """One line for each trouble of a job, or one for all."""
    known = store.jobs()
    found = [check for job in known for check in checks(job)]
    yield from found
    if not found:
        count = "1 job" if len(known) == 1 else f"{len(known)} jobs"
        yield ok("jobs", f"{count}: commands, directories and files are there" if known else "none yet")


def checks(job: Job) -> Iterator[Check]:
    definition = job.version.definition
    for problem in problems(definition):
        yield fail(f"job {job.name}", problem)
    if job.plan is not None and job.plan.active:
        try:
            ledger.schedule_of(job.plan)
        except BadInput as error:
            yield fail(f"job {job.name}", f"its schedule cannot be computed: {error}")
    for risk in risks(definition):
        yield warn(f"job {job.name}", risk)


def problems(definition: Definition) -> Iterator[str]:
    """What is missing for a run of this definition."""
    if not os.path.isdir(definition.cwd):
        yield f"its directory {definition.cwd} is not there"
    elif not os.access(definition.cwd, os.X_OK):
        yield f"no permission to enter its directory {definition.cwd}"
    program = program_of(definition)
    if program and find_program(program, definition) is None:
        yield f"there is no program {program}"
    for name, file in definition.environment_from_file.items():
        if not os.access(os.path.join(definition.cwd, file), os.R_OK) or os.path.isdir(file):
            yield f"the file {file} for {name} cannot be read"


def risks(definition: Definition) -> Iterator[str]:
    """What lets it run, but should not be."""
    for directory in definition.path:
        if directory != definition.cwd and not os.path.isdir(directory):
            yield f"{directory}, where it looks for modules, is not there"
    for name, file in definition.environment_from_file.items():
        try:
            mode = stat.S_IMODE(os.stat(os.path.join(definition.cwd, file)).st_mode)
        except OSError:
            continue
        if mode & 0o044:
            yield f"others may read the file {file} for {name} ({mode:04o}): chmod 600 {file}"


def program_of(definition: Definition) -> str | None:
    """What is started first; None for jobctl's own code."""
    if definition.command is not None:
        return "/bin/sh"
    if definition.argv is not None:
        return definition.argv[0] if definition.argv else None
    return definition.python


def find_program(program: str, definition: Definition) -> str | None:
    """Where the run would find the program, with the run's own PATH and directory."""
    if "/" in program:
        return shutil.which(os.path.join(definition.cwd, program))
    return shutil.which(program, path=definition.environment.get("PATH", os.defpath))
