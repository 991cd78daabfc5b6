"""A change of StateCode, StatusCode and PostponeUntil is an operation: the one that leads there.

| statecode | statuscode | postponeuntil | operation |
| --- | --- | --- | --- |
| 0 | 0 | | resume |
| 1 | 10 | an instant | postpone |
| 1 | 10 | | pause |
| 2 | 21 | | pause |
| 2 | 22 | | cancel |
| 3 | 32 | | cancel |
| | | an instant | postpone |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jobctl import control
from jobctl.errors import BadInput
from jobctl.model import State, Status, SystemJob
from jobctl.store import Store
from jobctl.web.dataverse import tokens
from jobctl.web.dataverse.attributes import ATTRIBUTES, shown, suggestion

UPDATABLE: Final = tuple(attribute.name for attribute in ATTRIBUTES.values() if attribute.updatable)
DEFAULTS: Final = {0: 0, 1: 10, 2: 20, 3: 30}
"""The status of a state that is named alone, as Dataverse has it."""
Operation = Callable[[Store, int], SystemJob]


def operation(body: object) -> Operation:
    """What a `PATCH` asks for. Raises BadInput for what nobody can ask for."""
    said = _checked(body)
    state, status = _whole(said, "statecode", State), _whole(said, "statuscode", Status)
    if status is None and state is not None:
        status = DEFAULTS[state]
    if state is not None and status is not None and Status(status).state != state:
        raise BadInput(f"statuscode {status} belongs to statecode {int(Status(status).state)}, not {state}")
    until = _until(said)
    if until is not None:
        if status not in (None, Status.WAITING):
            raise BadInput("postponeuntil goes with statecode 1 and statuscode 10, or stands alone")
        return lambda store, sequence: control.postpone(store, sequence, until)
    if status is None:
        raise BadInput("without an instant nothing is postponed; to run it now: statecode 0")
    return _moves(Status(status), "statuscode" in said)


def _moves(status: Status, named: bool) -> Operation:
    found: Mapping[Status, Operation] = {
        Status.WAITING_FOR_RESOURCES: control.resume,
        Status.WAITING: control.pause,
        Status.PAUSING: control.pause,
        Status.CANCELING: control.cancel,
        Status.CANCELED: control.cancel,
    }
    if status not in found:
        alone = "" if named else f" (what statecode {int(status.state)} means alone)"
        raise BadInput(
            f"statuscode {int(status)}{alone} is reached by running, not by asking; one may ask for"
            " 0 (resume), 10 (pause, or postpone with postponeuntil), 21 (pause), 22 and 32 (cancel)"
        )
    return found[status]


def _checked(body: object) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise BadInput("the body is an object with statecode, statuscode or postponeuntil")
    said = {name: value for name, value in body.items() if not name.startswith("@") and "@" not in name}
    for name in said:
        if name not in UPDATABLE:
            known = ", ".join(UPDATABLE)
            if name in ATTRIBUTES:
                raise BadInput(f"{name} cannot be changed; of a system job one may change: {known}")
            raise BadInput(f"asyncoperation has no property {shown(name)}{suggestion(name, UPDATABLE)}")
    if not said:
        raise BadInput(f"nothing to change: name one of {', '.join(UPDATABLE)}")
    return said


def _whole(said: Mapping[str, Any], name: str, codes: type[State] | type[Status]) -> int | None:
    value = said.get(name)
    if name not in said:
        return None
    if type(value) is not int or value not in tuple(codes):
        known = ", ".join(str(int(code)) for code in codes)
        raise BadInput(f"{name} is one of {known}, not {shown(str(value))}")
    return value


def _until(said: Mapping[str, Any]) -> int | None:
    value = said.get("postponeuntil")
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadInput(f"postponeuntil is an instant such as 2026-03-01T02:00:00Z, not {shown(str(value))}")
    return tokens.instant(value)
