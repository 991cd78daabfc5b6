"""The action BulkDelete: a purge, as a system job of type 13, once or by a recurrence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from jobctl import control, texts
from jobctl.clock import MICROSECONDS, from_datetime
from jobctl.errors import BadInput
from jobctl.model import Definition, Reason, State, Status, SystemJob
from jobctl.purging import Purge
from jobctl.schedule import own_terms
from jobctl.scheduling import Planned
from jobctl.store import Filter, Store
from jobctl.web.dataverse import identifiers, tokens
from jobctl.web.dataverse.attributes import ENTITY, FETCHED, attribute, shown, suggestion
from jobctl.web.dataverse.comparing import DAY
from jobctl.web.dataverse.metadata import BULK_DELETE, NAMESPACE

PARAMETERS: Final = tuple(name for name, _, _ in BULK_DELETE)
EMPTY: Final = ("SendEmailNotification", "ToRecipients", "CCRecipients", "SourceImportId")
"""What jobctl has nothing for: taken only where it asks for nothing."""
AGES: Final = {
    "OlderThanXMinutes": 60,
    "OlderThanXHours": 3600,
    "OlderThanXDays": 86_400,
    "OlderThanXWeeks": 604_800,
}
"""Seconds."""
LONGEST_AGE: Final = 36_500 * 86_400
TEXTS: Final = {"dependencytoken": "token", "messagename": "message_name", "jobctl_job": "job"}


@dataclass(frozen=True, slots=True)
class Request:
    purge: Purge
    start: int | None
    """An instant; None: now."""
    pattern: str | None


def request(body: object, now: int, actor: Callable[[int], str | None]) -> Request:
    """What the body of the action asks for; `actor` knows the name of an actor by its number. Raises BadInput."""
    said = _checked(body)
    if not isinstance(said.get("JobName"), str):
        raise BadInput("JobName is a text, the name of what is to delete")
    name = texts.word(said["JobName"], "JobName", control.MAX_NAME)
    queries = said.get("QuerySet")
    if not isinstance(queries, list) or len(queries) != 1:
        raise BadInput("QuerySet is a list with one query")
    purge = Choosing(name, actor).of(queries[0])
    pattern = said.get("RecurrencePattern") or None
    if pattern is not None:
        pattern = texts.word(pattern, "RecurrencePattern", 256)
    start = _start(said)
    if said.get("RunNow") is True and (pattern is not None or (start or 0) > now):
        raise BadInput("RunNow is for one that neither recurs nor starts later")
    return Request(purge, start, pattern)


def _checked(body: object) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise BadInput("the body is an object with QuerySet and JobName")
    for name, value in body.items():
        if name not in PARAMETERS:
            raise BadInput(f"BulkDelete has no parameter {shown(name)}{suggestion(name, PARAMETERS)}")
        if name in EMPTY and value not in (None, False, []):
            raise BadInput(f"{name} is nothing jobctl has; leave it out, false or empty")
    if not isinstance(body.get("RunNow", False), bool):
        raise BadInput("RunNow is true or false")
    return body


def _start(said: Mapping[str, Any]) -> int | None:
    value = said.get("StartDateTime")
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadInput(f"StartDateTime is an instant such as 2026-03-01T02:00:00Z, not {shown(str(value))}")
    return tokens.instant(value)


@dataclass
class Choosing:
    """Reads a QueryExpression into what a purge can choose by."""

    name: str
    actor: Callable[[int], str | None]
    filter: Filter = Filter()
    older_than: int = 0
    before: int | None = None
    used: set[str] = field(default_factory=set)

    def of(self, query: object) -> Purge:
        """Raises BadInput for what a purge cannot choose by, by name."""
        said = _object(query, "a query of QuerySet", ("EntityName", "Criteria", "ColumnSet", "Distinct", "@odata.type"))
        if said.get("EntityName") != ENTITY:
            raise BadInput(
                f"EntityName is {ENTITY}: nothing else is deleted here, not {shown(str(said.get('EntityName')))}"
            )
        self._criteria(said.get("Criteria"))
        if not self.used:
            raise BadInput("delete what? Criteria needs a condition, as statecode Equal 3 for every completed one")
        return Purge(self.name, self.filter, self.older_than, self.before)

    def _criteria(self, criteria: object, depth: int = 0) -> None:
        known = ("FilterOperator", "Conditions", "Filters", "@odata.type")
        said = _object(criteria, "Criteria", known)
        if said.get("FilterOperator", "And") not in ("And", 0):
            raise BadInput("of Criteria, every condition has to hold: FilterOperator is And")
        if depth > 8:
            raise BadInput("Filters are nested 8 deep at most")
        for one in _list(said, "Conditions"):
            self._condition(_object(one, "a condition", ("AttributeName", "Operator", "Values", "@odata.type")))
        for one in _list(said, "Filters"):
            self._criteria(one, depth + 1)

    def _condition(self, said: Mapping[str, Any]) -> None:
        name, operator = str(said.get("AttributeName")), str(said.get("Operator"))
        attribute(name, FETCHED)
        values = [_value(one) for one in _list(said, "Values")]
        takes: dict[str, Callable[[str, list[str]], bool]] = {
            "statecode": self._state,
            "statuscode": self._status,
            "jobctl_reason": self._reason,
            "operationtype": self._type,
            "ownerid": self._owner,
            "completedon": self._completed,
            "createdon": self._created,
            **dict.fromkeys(TEXTS, lambda operator, values: self._text(name, operator, values)),
        }
        if name not in takes:
            raise BadInput(f"what is deleted cannot be chosen by {name}; it can by {', '.join(takes)}")
        if name in self.used and name not in ("completedon", "createdon"):
            raise BadInput(f"{name} is restricted twice; use In for one of several values")
        if not values or not takes[name](operator, values):
            raise BadInput(f"{name} cannot be restricted by {shown(operator)} with {len(values)} values here")
        self.used.add(name)

    def _state(self, operator: str, values: list[str]) -> bool:
        states = tuple(_code(text, State) for text in values)
        self.filter = replace(self.filter, states=states)
        return operator == "Equal" and len(values) == 1

    def _status(self, operator: str, values: list[str]) -> bool:
        self.filter = replace(self.filter, statuses=tuple(_code(text, Status) for text in values))
        return _is_choice(operator, values)

    def _reason(self, operator: str, values: list[str]) -> bool:
        known = [reason.value for reason in Reason]
        for text in values:
            if text not in known:
                raise BadInput(f"there is no reason {shown(text)}{suggestion(text, known)}")
        self.filter = replace(self.filter, reasons=tuple(map(Reason, values)))
        return _is_choice(operator, values)

    def _type(self, operator: str, values: list[str]) -> bool:
        found = tokens.number(values[0]) if re.fullmatch("[0-9]{1,9}", values[0], re.ASCII) else None
        if found is None:
            raise BadInput(f"operationtype is a number, not {shown(values[0])}")
        self.filter = replace(self.filter, operation_type=int(found))
        return operator == "Equal" and len(values) == 1

    def _text(self, name: str, operator: str, values: list[str]) -> bool:
        changes: dict[str, Any] = {TEXTS[name]: texts.clean(values[0], name)}
        self.filter = replace(self.filter, **changes)
        return operator == "Equal" and len(values) == 1

    def _owner(self, operator: str, values: list[str]) -> bool:
        guid = identifiers.parse(values[0].strip("{}")) or UUID(int=0)
        owner = self.actor(identifiers.actor(guid))
        if owner is None:
            raise BadInput(f"there is no user {shown(values[0])}")
        self.filter = replace(self.filter, owner=owner)
        return operator == "Equal" and len(values) == 1

    def _completed(self, operator: str, values: list[str]) -> bool:
        if operator in AGES:
            number = int(values[0]) if re.fullmatch("[0-9]{1,9}", values[0], re.ASCII) else -1
            if not 0 <= number * AGES[operator] <= LONGEST_AGE:
                raise BadInput(f"{operator} takes a whole number, of a century at most, not {shown(values[0])}")
            self.older_than = max(self.older_than, number * AGES[operator] * MICROSECONDS)
            return len(values) == 1
        after = {"LessThan": 0, "LessEqual": 1, "OnOrBefore": DAY}.get(operator)
        if after is None:
            return False
        moment = _moment(values[0])
        before = (moment // DAY * DAY if operator == "OnOrBefore" else moment) + after
        self.before = before if self.before is None else min(self.before, before)
        return len(values) == 1

    def _created(self, operator: str, values: list[str]) -> bool:
        moment = _moment(values[0])
        midnight = moment // DAY * DAY
        since = {"GreaterEqual": moment, "GreaterThan": moment + 1, "OnOrAfter": midnight}.get(operator)
        until = {"LessEqual": moment, "LessThan": moment - 1, "OnOrBefore": midnight + DAY - 1}.get(operator)
        if since is not None:
            self.filter = replace(self.filter, since=max(since, self.filter.since or since))
        if until is not None:
            self.filter = replace(self.filter, until=min(until, self.filter.until or until))
        return len(values) == 1 and (since is not None or until is not None)


def _is_choice(operator: str, values: list[str]) -> bool:
    return operator == "In" or (operator == "Equal" and len(values) == 1)


def _object(value: object, what: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"{what} is an object with {', '.join(known[:-1])}")
    for name in value:
        if name not in known:
            raise BadInput(f"{what} has no {shown(name)} here{suggestion(name, known)}")
    return value


def _list(said: Mapping[str, Any], name: str) -> list[Any]:
    found = said.get(name) or []
    if not isinstance(found, list):
        raise BadInput(f"{name} is a list")
    return found


def _value(value: object) -> str:
    """A value as Dataverse's clients write it, `{"Value": "3", "Type": "System.Int32"}`, or bare."""
    bare = value.get("Value") if isinstance(value, dict) else value
    if isinstance(bare, bool) or not isinstance(bare, str | int):
        raise BadInput('a value is written as {"Value": "3", "Type": "System.Int32"}')
    return str(bare)


def _code(text: str, codes: type[State] | type[Status]) -> Any:
    known = {str(int(code)): code for code in codes}
    if text not in known:
        raise BadInput(f"{shown(text)} is none of {', '.join(known)}")
    return known[text]


def _moment(text: str) -> int:
    return tokens.day(text) * DAY if len(text) <= 10 else tokens.instant(text)


# Submitting


def submit(store: Store, wanted: Request) -> SystemJob:
    """The system job, or of one that recurs the first. Raises BadInput or Refused."""
    purge = wanted.purge
    definition = Definition(internal="bulk_delete", settings=purge.document(), description=purge.words)
    if wanted.pattern is None:
        return control.submit_adhoc(store, definition, name=purge.name, at=wanted.start, message_name="http")
    job = control.add_job(store, job_name(purge.name), definition, _planned(wanted))
    pending = store.pending_occurrence(job.id) or store.newest_system_job(job.id)
    assert pending is not None
    return pending


def _planned(wanted: Request) -> Planned:
    spec = {"notation": "rrule", "rule": wanted.pattern}
    own = own_terms(spec, None)
    start = wanted.start if own.start is None else from_datetime(own.start)
    end = None if own.end is None else from_datetime(own.end)
    return Planned(spec, own.time_zone or "UTC", start, end, own.count)


def job_name(name: str) -> str:
    """A name for the job of a recurring one, which may not have all that JobName may."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:100]
    return clean if re.match("[A-Za-z]", clean) else f"bulk-delete-{clean}"[:100].rstrip("-")


RESPONSE: Final = f"{NAMESPACE}.BulkDeleteResponse"
