"""What Etendo and Azure Scheduler call the states of a definition that jobctl derives from its schedule."""

from __future__ import annotations

from jobctl.model import Plan, Reason, Status, SystemJob


def request_status(plan: Plan | None, last: SystemJob | None, ended: bool) -> str:
    """Etendo's status of a Process Request: "" (never scheduled), SCH, UNS, COM or SYR.

    `last` is the newest system job of the job that has begun and is completed, `ended` whether the schedule and the
    runs it started are over. SYR is a one-off run that was lost: its machine or its supervisor went away.
    """
    if plan is None:
        return ""
    if plan.ended_by == "unscheduled":
        return "UNS"
    if not ended:
        return "SCH"
    lost = plan.spec["notation"] == "once" and _of(plan, last) and last is not None and last.reason is Reason.LOST
    return "SYR" if lost else "COM"


def job_state(plan: Plan | None, last: SystemJob | None, ended: bool) -> str | None:
    """Azure Scheduler's JobState: enabled, disabled, completed or faulted; None for a job never scheduled.

    A schedule that is over is faulted if the last execution failed (`last` and `ended`: as for `request_status`).
    """
    if plan is None:
        return None
    if plan.ended_by == "unscheduled":
        return "disabled"
    if not ended:
        return "enabled"
    failed = last is not None and _of(plan, last) and last.status is Status.FAILED
    return "faulted" if failed else "completed"


def _of(plan: Plan, last: SystemJob | None) -> bool:
    """Whether it ran under that plan: started by it, or by hand since it was made."""
    return last is not None and (last.plan == plan.number or (last.started_on or 0) >= plan.activated_at)
