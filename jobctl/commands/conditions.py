"""What a system job may wait for, as people write it, and the event they emit."""

from __future__ import annotations

from typing import Any, Final

import click

from jobctl.commands.context import ID, clean
from jobctl.errors import near_miss

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
        text = clean(value, f"the {self.name}")
        if not 1 <= len(text.strip()) <= self.longest or text != text.strip():
            self.fail(f"the {self.name} has from 1 to {self.longest} characters, and no space around it", param, ctx)
        return text


AFTER: Final = AfterType()
EVENT: Final = WordType("event", 100)
KEY: Final = WordType("key", 200)
