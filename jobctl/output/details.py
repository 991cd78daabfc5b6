"""Everything about one job or one system job, as lines of label and text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from jobctl.clock import MICROSECONDS
from jobctl.document import recurrence_pattern
from jobctl.model import CatchUp, Definition, Overlap, Plan, SystemJob, Wait
from jobctl.output.columns import JobView, Occurrence, elapsed, status_style, status_words
from jobctl.output.text import duration, escape, local, relative, until
from jobctl.targets import shown

if TYPE_CHECKING:
    from jobctl.output import Output
    from jobctl.store import Event

Field = tuple[str, str | None]
ANSI: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36"}


def paint(out: Output, text: str, style: str) -> str:
    return f"\x1b[{ANSI[style]}m{text}\x1b[0m" if out.color and style in ANSI else text


def heading(out: Output, text: str, rest: str = "", style: str = "") -> None:
    out.line(" ".join(filter(None, (paint(out, escape(text), "bold"), paint(out, escape(rest), style)))))


def fields(out: Output, pairs: Iterable[Field]) -> None:
    """One line for each pair that has a text, the texts aligned."""
    known = [(label, text) for label, text in pairs if text]
    width = max((len(label) for label, _ in known), default=0)
    for label, text in known:
        out.line(f"  {paint(out, label.ljust(width), 'dim')}  {escape(text or '')}")


def at(out: Output, instant: int | None) -> str | None:
    """An instant in local time and how far away it is."""
    return None if instant is None else f"{local(instant)} ({relative(instant, out.view.now)})"


def by(out: Output, instant: int, actor: str) -> str:
    return f"{at(out, instant)} by {actor}"


def job(out: Output, view: JobView, upcoming: Sequence[Occurrence], recent: Sequence[SystemJob]) -> None:
    """Print a job: what it runs and how, when, what comes next and what came last."""
    heading(out, view.job.name, view.job.version.definition.description)
    fields(out, [*definition(view.job.version.definition), *schedule(out, view), *history(out, view)])
    if upcoming:
        out.line("")
        heading(out, "next")
        for occurrence in upcoming:
            words = f"{occurrence.local} ({relative(occurrence.at, out.view.now)})"
            out.line("  " + escape(" · ".join(filter(None, (words, occurrence.note)))))
    if recent:
        out.line("")
        heading(out, "last")
        for s in recent:
            run(out, s)


def run(out: Output, s: SystemJob) -> None:
    """One line about a system job of the job shown."""
    words = paint(out, escape(status_words(s)), status_style(s))
    when = s.completed_on or s.started_on or s.due_at
    took = duration(elapsed(s, out.view.now))
    line = [f"  {s.sequence}", local(when), words, took and f"in {took}", escape(s.message or "")]
    out.line("  ".join(filter(None, line)))


def definition(d: Definition) -> list[Field]:
    """What a job runs and how; what is at its default is left out."""
    retries = None
    if d.retries:
        retries = f"{d.retries}, after {duration(d.retry_delay)}"
        retries += f", growing by {d.retry_backoff:g}" if d.retry_backoff != 1 else ""
    environment = [f"{name}={value}" for name, value in d.environment.items()]
    environment += [f"{name} (of the daemon)" for name in d.environment_from_daemon]
    environment += [f"{name} (from {path})" for name, path in d.environment_from_file.items()]
    return [
        ("runs", d.summary),
        ("in", d.cwd),
        ("python", d.python),
        ("path", ":".join(d.path)),
        ("isolated", "yes, in a process of its own" if d.isolate else None),
        ("timeout", None if d.timeout is None else f"{duration(d.timeout)}, then {duration(d.grace)} of grace"),
        ("retries", retries),
        ("success codes", None if d.success_codes == (0,) else ", ".join(map(str, d.success_codes))),
        ("token", d.token),
        ("priority", str(d.priority) if d.priority else None),
        ("concurrency", None if d.concurrency is None else f"{d.concurrency} at a time"),
        ("on lost", d.on_lost if d.on_lost != "fail" else None),
        ("keeps", keeps(d.keep)),
        ("expected", None if d.expect is None else f"a success every {duration(d.expect)}"),
        *[("tells" if index == 0 else "", shown(target)) for index, target in enumerate(d.notify)],
        ("umask", f"{d.umask:04o}" if d.umask != 0o022 else None),
        ("tags", ", ".join(d.tags)),
        *[("environment" if index == 0 else "", text) for index, text in enumerate(environment)],
    ]


def keeps(keep: str) -> str | None:
    """Which of its completed system jobs are kept, where its definition says so."""
    if keep in ("all", "failed"):
        return {"failed": "what did not succeed; successes go within about an hour"}.get(keep)
    return f"the newest {keep} completed ones" if keep.isdigit() else f"what was completed in the last {keep}"


def schedule(out: Output, view: JobView) -> list[Field]:
    plan = view.job.plan
    if plan is None:
        return [("schedule", "none")]
    if not plan.active:
        return [("schedule", f"{plan.ended_by} {at(out, plan.ended_on) or ''}")]
    count = None if plan.count is None else f"{plan.fired} of {plan.count} so far"
    words = view.words or ""
    return [
        ("schedule", words),
        ("start", None if plan.start_at is None else local(plan.start_at)),
        ("end", None if plan.end_at is None else local(plan.end_at)),
        ("count", count),
        *policies(out, plan),
    ]


def policies(out: Output, plan: Plan) -> list[Field]:
    """What a schedule says of late and overlapping occurrences; what is at its default is left out."""
    window = plan.catch_up_window
    catch_up = [] if plan.catch_up is CatchUp.LATEST and window is None else [plan.catch_up.value]
    catch_up += [] if window is None else [f"if no later than {length(window)}"]
    paused = None
    if plan.paused_until is not None and plan.paused_until > out.view.now:
        reason = f": {plan.pause_reason}" if plan.pause_reason else ""
        paused = until(plan.paused_until, str(at(out, plan.paused_until))) + reason
    return [
        ("paused", paused),
        ("overlap", None if plan.overlap is Overlap.SKIP else plan.overlap.value),
        ("catch-up", " ".join(catch_up)),
        ("late limit", None if plan.late_limit is None else length(plan.late_limit)),
        ("jitter", f"within {length(plan.jitter)}" if plan.jitter else None),
    ]


def length(microseconds: int) -> str:
    return duration(microseconds / MICROSECONDS)


def history(out: Output, view: JobView) -> list[Field]:
    job = view.job
    changed = by(out, job.modified_on, job.modified_by) if job.modified_on != job.created_on else None
    return [
        ("added", by(out, job.created_on, job.created_by)),
        ("changed", changed and f"{changed}, version {job.version.number}"),
    ]


def system_job(
    out: Output,
    s: SystemJob,
    data: str | None,
    result: str | None,
    events: Sequence[Event] = (),
    waits: Sequence[Wait] = (),
    why: str | None = None,
) -> None:
    """Print a system job: where it stands, its instants, what it got and gave, and what happened to it."""
    heading(out, f"{s.sequence} {s.name}", status_words(s), status_style(s))
    told = [*standing(out, s), ("why", why), *conditions(s, waits)]
    fields(out, [*told, *instants(out, s), *ending(out, s), ("data", data), ("result", result), *origin(s)])
    if events:
        out.line("")
        heading(out, "events")
        for event in events:
            known = {
                key: local(value) if key == "until" and isinstance(value, int) else value
                for key, value in event.detail.items()
            }
            detail = ", ".join(f"{key} {value}" for key, value in known.items() if value is not None)
            words = " ".join(filter(None, (event.kind.replace("_", " "), detail and f"({detail})")))
            out.line(f"  {local(event.at)}  {escape(event.actor)}  {escape(words)}")


def standing(out: Output, s: SystemJob) -> list[Field]:
    progress = None if s.progress is None else f"{s.progress:g}%"
    return [
        ("job", f"{s.job}, version {s.job_version}"),
        ("id", s.id),
        ("state", f"{s.state.label} ({int(s.state)}), {s.status.label} ({int(s.status)})"),
        ("message", s.message),
        ("", s.friendly_message if s.friendly_message != s.message else None),
        ("progress", " ".join(filter(None, (progress, s.stage)))),
        ("behind", None if s.blocked_by is None else f"{s.blocked_by}, which is before it"),
        ("token", s.dependency_token),
        ("priority", str(s.priority) if s.priority else None),
        ("attempt", f"{s.attempt}, retries {s.retry_count}" if s.retry_count else str(s.attempt or "")),
        ("delete", "asked for; goes when its processes are gone" if s.delete_requested else None),
    ]


def conditions(s: SystemJob, waits: Sequence[Wait]) -> list[Field]:
    """What it waits or waited for beside its time, and the key it was submitted with."""
    wanted = {"success": "once it succeeds", "failure": "once it fails", "any": "once it ends"}
    after = [
        f"{wait.after}, {wanted[wait.condition]}" + ("" if wait.met_on is None else f": met {local(wait.met_on)}")
        for wait in waits
    ]
    return [
        *[("after" if index == 0 else "", text) for index, text in enumerate(after)],
        ("event", s.event),
        ("key", s.key),
    ]


def instants(out: Output, s: SystemJob) -> list[Field]:
    took = elapsed(s, out.view.now)
    return [
        ("planned", at(out, s.occurrence_at)),
        ("due", at(out, s.due_at)),
        ("ready", at(out, s.ready_on)),
        ("started", at(out, s.started_on)),
        ("completed", at(out, s.completed_on)),
        ("duration", None if took is None else duration(took)),
    ]


def ending(out: Output, s: SystemJob) -> list[Field]:
    return [
        ("exit code", None if s.exit_code is None else str(s.exit_code)),
        ("signal", None if s.signal is None else str(s.signal)),
        ("stands for", None if s.dropped is None else f"{s.dropped} occurrences not run"),
        ("output", f"{s.log_bytes} bytes; see: jobctl logs {s.sequence}" if s.log_bytes else None),
    ]


def origin(s: SystemJob) -> list[Field]:
    rule = s.recurrence_pattern and f"{recurrence_pattern(s.recurrence_pattern)} ({s.time_zone})"
    return [
        ("schedule", rule),
        ("regarding", s.regarding),
        ("rerun of", None if s.rerun_of is None else str(s.rerun_of)),
        ("parent", s.parent and f"{s.parent} (depth {s.depth})"),
        ("owner", s.owner),
        ("created", f"{local(s.created_on)} by {s.created_by} ({s.message_name})"),
        ("changed", f"{local(s.modified_on)} by {s.modified_by}" if s.modified_on != s.created_on else None),
        ("host", s.host and f"{s.host}, daemon {s.daemon_id}"),
    ]
