"""Which system jobs are meant: the monitor's filters, for every door."""

from __future__ import annotations

import json
from typing import Any, Final

from jobctl.records import dataclass
from jobctl.states import Reason, State, Status


@dataclass(frozen=True, slots=True)
class Filter:
    """Which system jobs to list; what is left out does not restrict. Instants compare with `created_on`."""

    states: tuple[State, ...] = ()
    statuses: tuple[Status, ...] = ()
    job: str | None = None
    since: int | None = None
    until: int | None = None
    token: str | None = None
    operation_type: int | None = None
    owner: str | None = None
    tag: str | None = None
    message_name: str | None = None
    include_platform: bool = False
    reasons: tuple[Reason, ...] = ()

    def parameters(self) -> dict[str, Any]:
        """As the statements that choose system jobs take it; the lists are JSON arrays."""
        return {
            "states": json.dumps([int(state) for state in self.states]) if self.states else None,
            "statuses": json.dumps([int(status) for status in self.statuses]) if self.statuses else None,
            "reasons": json.dumps(self.reasons) if self.reasons else None,
            "job": self.job,
            "since": self.since,
            "until": self.until,
            "token": self.token,
            "operation_type": self.operation_type,
            "platform": self.include_platform or self.operation_type is not None,
            "owner": self.owner,
            "tag": self.tag,
            "message_name": self.message_name,
        }


EVERYTHING: Final = Filter()
