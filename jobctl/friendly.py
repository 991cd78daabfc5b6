"""What became of a system job, in words for people who do not know jobctl (Dataverse: FriendlyMessage)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jobctl.model import Reason, State, Status, SystemJob

ENDS: Final[Mapping[Reason, str]] = {
    Reason.TIMEOUT: "It took longer than it may.",
    Reason.LOST: "Its runner or the machine went away while it ran.",
    Reason.NO_RESULT: "It gave no result that can be kept.",
    Reason.RESULT_TOO_LARGE: "Its result is too large to be kept.",
    Reason.SPAWN: "It could not be started.",
    Reason.IMPORT: "Its code could not be loaded.",
    Reason.ARGUMENTS: "Its code does not take the data it was given.",
    Reason.EXCEPTION: "Its code met an error.",
    Reason.MEMORY: "It needed more memory than there is.",
    Reason.OVERLAP: "An earlier run of the same schedule was still active.",
    Reason.REPLACED: "The next run of the same schedule took its place.",
    Reason.MISSED: "Nobody was there to run it in time.",
    Reason.LATE: "It could not begin in time.",
    Reason.PAUSED_SCHEDULE: "Its schedule rested.",
    Reason.UNSCHEDULED: "Its schedule was ended.",
    Reason.DEPENDENCY: "What it was to run after did not end so.",
    Reason.DAEMON_STOPPED: "The daemon was told to stop everything.",
}
WAITS: Final[Mapping[Reason, str]] = {
    Reason.SCHEDULED: "It waits for its time.",
    Reason.POSTPONED: "It was postponed.",
    Reason.PAUSED: "It is paused.",
    Reason.CANCELING: "It is being canceled.",
    Reason.RETRYING: "It failed and will be tried again.",
    Reason.WAITING_FOR_EVENT: "It waits for an event.",
    Reason.AFTER: "It waits for others to end.",
    Reason.HELD: "It waits for a person.",
}


def friendly_message(s: SystemJob) -> str:
    """One sentence about where it stands or how it ended."""
    if s.friendly_message is not None:
        return s.friendly_message
    if s.state is State.READY:
        return "It waits for a free slot." if s.blocked_by is None else f"It waits for system job {s.blocked_by}."
    if s.state is State.LOCKED:
        words = {Status.PAUSING: "It is being paused.", Status.CANCELING: "It is being canceled."}
        return words.get(s.status, "It runs." if s.started_on is not None else "It is about to begin.")
    if s.reason is None:
        return "It succeeded."
    if s.reason is Reason.EXIT:
        return f"It ended with exit code {s.exit_code}."
    if s.reason is Reason.SIGNAL:
        return f"It was ended by signal {s.signal}."
    if s.reason is Reason.USER:
        return "It was canceled."
    return ENDS.get(s.reason) or WAITS[s.reason]
