"""What Etendo and Azure Scheduler call the states of a definition that jobctl derives from its schedule."""

from __future__ import annotations

from jobctl.model import Plan, Reason, Status, SystemJob


def request_status(plan: Plan | None, last: SystemJob | None) -> str:
    """Etendo's status of a Process Request: "" (never scheduled), SCH, UNS, COM or SYR.

    `last` is the newest system job of the job that has begun and ended. SYR is a one-off run that was lost: its
    machine or its supervisor went away.
    """
    if plan is None:
        return ""
    if plan.active:
        return "SCH"
    if plan.ended_by == "unscheduled":
        return "UNS"
    lost = last is not None and last.plan == plan.number and last.reason is Reason.LOST
    return "SYR" if lost and plan.spec["notation"] == "once" else "COM"


def job_state(plan: Plan | None, last: SystemJob | None) -> str | None:
    """Azure Scheduler's JobState: enabled, disabled, completed or faulted; None for a job never scheduled.

    A schedule that is over is faulted if the last execution failed (`last`: as for `request_status`).
    """
    if plan is None:
        return None
    if plan.active:
        return "enabled"
    if plan.ended_by == "unscheduled":
        return "disabled"
    return "faulted" if last is not None and last.status is Status.FAILED else "completed"
