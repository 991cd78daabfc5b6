"""What a system job may wait for, as people write it, and the event they emit."""

from __future__ import annotations

from typing import Any, Final

import click

from jobctl.commands.context import ID
from jobctl.errors import BadInput, near_miss
from jobctl.texts import LONGEST_EVENT, LONGEST_KEY, word

ENDINGS: Final = ("success", "failure", "any")


class AfterType(click.ParamType[tuple[str, str]]):
    """A system job, and how it has to end: `41`, `backup:any`, `id:0123abcd:failure`."""

    name = "after"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        text, colon, ending = str(value).rpartition(":")
        if not colon or text == "id":
            text, ending = str(value), "success"
        if ending not in ENDINGS:
            hint = near_miss(ending, ENDINGS)
            self.fail(f"{ending!a} is no way to end{hint}; there are success, failure and any", param, ctx)
        return ID.convert(text, param, ctx), ending


class WordType(click.ParamType[str]):
    """A short text without control characters."""

    def __init__(self, name: str, longest: int) -> None:
        self.name = name
        self.longest = longest

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return word(value, self.name, self.longest)
        except BadInput as error:
            self.fail(str(error), param, ctx)


AFTER: Final = AfterType()
EVENT: Final = WordType("event", LONGEST_EVENT)
KEY: Final = WordType("key", LONGEST_KEY)
