"""`jobctl token`: made and shown once, listed without what is secret, revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import ClockFile, Jobctl


def test_a_token_is_shown_once_and_kept_as_a_digest(jobctl: Jobctl, home: Path) -> None:
    made = jobctl("token", "create", "ci", "--scope", "submit", "--scope", "read", expect=0)
    assert re.fullmatch(r"jobctl_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n", made.stdout)
    assert made.stderr == "jobctl: token ci may read and submit; it cannot be shown again\n"
    listed = jobctl("token", "list", expect=0).stdout
    assert listed.split("\n")[0].split() == ["NAME", "MAY", "STATE", "CREATED", "BY", "EXPIRES", "LAST", "USED"]
    secret = made.stdout.strip().split("_", 2)[2]
    assert secret not in listed
    assert all(secret.encode() not in path.read_bytes() for path in home.glob("jobctl.db*"))


def test_without_a_scope_it_may_read(jobctl: Jobctl) -> None:
    made = jobctl("token", "create", "page", "--json", expect=0).json
    assert made["token"]["scopes"] == ["read"] and made["secret"].startswith("jobctl_")
    (listed,) = jobctl("token", "list", "--json", expect=0).json["tokens"]
    assert listed == made["token"] and "secret" not in listed
    assert (listed["state"], listed["last_used_on"], listed["expires_on"]) == ("valid", None, None)
    assert listed["created_by"].startswith("user:")


def test_it_expires_after_a_duration_or_at_an_instant(jobctl: Jobctl, clock_file: ClockFile) -> None:
    made = jobctl("token", "create", "a", "--expires", "90d", "--json", expect=0).json["token"]
    lasts = datetime.fromisoformat(made["expires_on"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < lasts <= timedelta(days=90)
    at = jobctl("token", "create", "b", "--expires", "2099-01-01T00:00Z", "--json", expect=0).json["token"]
    assert at["expires_on"].startswith("2099-01-01T00:00:00")
    clock_file.advance(91 * 86400)
    states = {row["name"]: row["state"] for row in jobctl("token", "list", "--json", expect=0).json["tokens"]}
    assert states == {"a": "expired", "b": "valid"}


def test_revoking_frees_the_name(jobctl: Jobctl) -> None:
    jobctl("token", "create", "ci", expect=0)
    taken = jobctl("token", "create", "ci", expect=4)
    assert taken.stderr == "jobctl: there is a token named 'ci'; revoke it first: jobctl token revoke ci\n"
    revoked = jobctl("token", "revoke", "ci", "--json", expect=0).json["token"]
    assert revoked["state"] == "revoked" and revoked["revoked_by"].startswith("user:")
    assert jobctl("token", "list", "--json", expect=0).json["tokens"] == []
    jobctl("token", "create", "ci", expect=0)
    both = jobctl("token", "list", "--all", "--json", expect=0).json["tokens"]
    assert [row["state"] for row in both] == ["revoked", "valid"]
    assert jobctl("token", "revoke", "ci", expect=0).stdout == "revoked token ci\n"
    assert jobctl("token", "revoke", "ci", expect=3).stderr == "jobctl: no token named 'ci'\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("create", "1a"), 2, "'1a' cannot name a token: a letter first"),
        (("create", "a\x1b[2J"), 2, "cannot name a token"),
        (("create", "a", "--scope", "write"), 2, "'write' is not one of 'read', 'submit', 'manage'"),
        (("create", "a", "--expires", "2020-01-01"), 2, "a token expires in the future"),
        (("create", "a", "--expires", "0s"), 2, "a token expires in the future"),
        (("create", "a", "--expires", "soon"), 2, "--expires"),
        (("revoke", "pagr"), 3, "no token named 'pagr'; did you mean 'page'?"),
        (("lst",), 2, "no such command 'lst'"),
    ],
)
def test_what_cannot_be_is_one_sentence(jobctl: Jobctl, arguments: tuple[str, ...], code: int, words: str) -> None:
    jobctl("token", "create", "page", expect=0)
    refused = jobctl("token", *arguments, expect=code)
    assert words in refused.stderr and refused.stderr.count("\n") == 1 and "\x1b" not in refused.stderr
    assert len(jobctl("token", "list", "--all", "--json", expect=0).json["tokens"]) == 1
