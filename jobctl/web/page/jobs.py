"""The jobs, one of them, and what may be asked of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jobctl import control, scheduling, submitting, texts
from jobctl.errors import BadInput, JobctlError, NotFound
from jobctl.jsontext import check_json
from jobctl.model import Job, Reason, SystemJob
from jobctl.output.columns import JobView, Occurrence
from jobctl.schedule.instants import parse_instant
from jobctl.store import Filter, Store
from jobctl.views import job_view, upcoming
from jobctl.web import payloads
from jobctl.web.callers import Scope, caller, needs
from jobctl.web.failures import Failure, failure_of
from jobctl.web.page.rendering import PREFIX, Page
from jobctl.web.services import read, write
from jobctl.why import Explanation, why_job

PAGE: Final = 100
OCCURRENCES: Final = 8
RUNS: Final = 10
DONE: Final = ("rest", "unschedule", "wake")


@dataclass(frozen=True, slots=True)
class Known:
    """What the page of a job tells."""

    view: JobView
    upcoming: list[Occurrence]
    recent: list[SystemJob]
    why: Explanation
    daemon: bool


@needs(Scope.READ)
async def jobs(request: Request) -> Response:
    """By name, page by page."""
    page = Page(request)
    after = payloads.query(request, "after").get("after", "")

    def look(store: Store) -> tuple[list[JobView], str | None, bool]:
        names = sorted(store.job_names())
        first = bisect_right(names, after)
        found = [job_view(store, store.job(name)) for name in names[first : first + PAGE]]
        more = names[first + PAGE - 1] if len(names) > first + PAGE else None
        return found, more, control.daemon_running(store.database.config)

    views, more, daemon = await read(request, look)
    resting = {view.job.name for view in views if rests(view.job, page.show.now)}
    return page.answer("jobs.html", views=views, resting=resting, more=more, after=after, daemon=daemon)


@needs(Scope.READ)
async def job(request: Request) -> Response:
    return await shown(request, request.path_params["name"])


async def shown(
    request: Request, name: str, failure: Failure | None = None, fields: Mapping[str, str] = {}
) -> Response:
    """The page of a job; with the failure of what was asked of it, and the fields as they were filled in."""
    page = Page(request)
    done = payloads.query(request, "done").get("done", "") if failure is None else ""
    found = await read(request, lambda store: known(store, name))
    return page.answer(
        "job.html",
        200 if failure is None else failure.status,
        None if failure is None else failure.headers,
        known=found,
        view=found.view,
        definition=found.view.job.version.definition,
        scheduled=is_scheduled(found.view.job),
        rests=rests(found.view.job, page.show.now),
        daemon=found.daemon,
        fields=fields,
        message=None if failure is None else failure.message,
        done=page.words(f"done.{done}", name=name) if done in DONE else None,
    )


def known(store: Store, name: str) -> Known:
    """Raises JobNotFound."""
    job = store.job(name)
    newest = store.system_jobs(Filter(job=name), RUNS + 1)
    recent = [row for row in newest if row.reason is not Reason.SCHEDULED][:RUNS]
    why = why_job(store, job, store.clock.now())
    daemon = control.daemon_running(store.database.config)
    return Known(job_view(store, job), upcoming(store, job, OCCURRENCES), recent, why, daemon)


def is_scheduled(job: Job) -> bool:
    return job.plan is not None and job.plan.active


def rests(job: Job, now: int) -> bool:
    return job.plan is not None and job.plan.active and (job.plan.paused_until or 0) > now


@needs(Scope.SUBMIT)
async def run(request: Request) -> Response:
    name = request.path_params["name"]
    page, fields = Page(request), await payloads.form(request)
    try:
        row = await write(request, submission(page, name, fields))
    except JobctlError as error:
        return await refused(request, name, error, fields)
    return RedirectResponse(f"{PREFIX}/{row.sequence}?done=run", 303)


def submission(page: Page, name: str, fields: Mapping[str, str]) -> partial[SystemJob]:
    """What the form asks for. Raises BadInput."""
    at = texts.clean(fields.get("at", ""), "at").strip()
    data = fields.get("data", "").strip()
    return partial(
        submitting.submit,
        name=name,
        data=check_json(data) if data else None,
        at=parse_instant(at, page.show.now, page.zone) if at else None,
        message_name="http",
    )


@needs(Scope.MANAGE)
async def unschedule(request: Request) -> Response:
    """For good, or until an instant; one that has come ends a rest."""
    name = request.path_params["name"]
    page, fields = Page(request), await payloads.form(request)
    try:
        until, why = (texts.clean(fields.get(field, ""), field).strip() or None for field in ("until", "reason"))
        if "rest" in fields and until is None:
            raise BadInput("say until when the schedule is to rest")
        instant = parse_instant(until, page.show.now, page.zone) if until and "rest" in fields else None
        await write(request, lambda store: _unscheduled(store, name, instant, why))
    except JobctlError as error:
        return await refused(request, name, error, fields)
    done = "unschedule" if instant is None else "rest" if instant > page.show.now else "wake"
    return RedirectResponse(f"{PREFIX}/jobs/{quote(name)}?done={done}", 303)


def _unscheduled(store: Store, name: str, until: int | None, why: str | None) -> None:
    if until is None:
        scheduling.unschedule(store, name, why)
    else:
        scheduling.pause_schedule(store, name, until, why)


async def refused(request: Request, name: str, error: JobctlError, fields: Mapping[str, str]) -> Response:
    """On the page of the job, if there is one that the caller may see."""
    if isinstance(error, NotFound) or not caller(request).may(Scope.READ):
        raise error
    return await shown(request, name, failure_of(error), fields)
