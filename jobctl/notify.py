"""The run of a notification, as a child of a runner: hands its data to a command, or posts it to a webhook."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import Final

from jobctl import __version__, config
from jobctl.clock import system_clock
from jobctl.errors import JobctlError
from jobctl.model import Definition
from jobctl.store import Store
from jobctl.targets import EXEC, shown

ANSWER_WITHIN: Final = 10.0
"""Seconds a webhook has for each step of the exchange."""
MOST_READ: Final = 65_536
"""Bytes read of a webhook's answer."""
MAX_VARIABLE: Final = 128 * 1024 - 256
"""Bytes of a variable's value; Linux refuses longer strings."""


def main() -> int:
    """Tell the one target of this run; its exit code."""
    sequence = int(os.environ["JOBCTL_SEQUENCE"])
    try:
        with Store.open(config.load(os.environ), system_clock(), f"run:{sequence}") as store:
            definition = store.job_version(store.system_job(sequence).job_version_id).definition
            data, _ = store.payload(sequence)
    except JobctlError as error:
        return told(False, str(error))
    (target,) = definition.notify
    content = data or "{}"
    if target.startswith(EXEC):
        return execute(target.removeprefix(EXEC), content, definition)
    answer = post(target, content)
    return told(answer.startswith("2"), f"{shown(target)} answered {answer}")


def told(well: bool, sentence: str) -> int:
    """Write the sentence to the run's output; the exit code that goes with it."""
    (sys.stdout if well else sys.stderr).write(f"{sentence}\n")
    return 0 if well else 1


def execute(command: str, content: str, definition: Definition) -> int:
    """Run the command with the notification on its standard input and in its environment; its exit code."""
    document = json.loads(content)
    about = document.get("system_job") or {}
    # In the environment also for those who have no tool that reads JSON.
    variables = {
        "JOBCTL_DATA": content,
        "JOBCTL_EVENT": document.get("event", ""),
        "JOBCTL_TEXT": document.get("text", ""),
        "JOBCTL_ABOUT": str(about.get("sequence", "")),
    }
    fitting = {name: value for name, value in variables.items() if len(value.encode()) <= MAX_VARIABLE}
    kept = {name: value for name, value in os.environ.items() if name not in variables}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        input=content + "\n",
        text=True,
        encoding="utf-8",
        cwd=definition.cwd if os.path.isdir(definition.cwd) else "/",
        env={**kept, **fitting},
    )
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def post(address: str, content: str) -> str:
    """What the webhook answered, as `204 No Content`, or why it did not. Redirections are not followed."""
    import http.client
    import urllib.request
    from urllib.error import URLError

    # Only these: no other scheme can be reached, and what is posted goes nowhere but to this address.
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler()):
        opener.add_handler(handler)
    address, credentials = parted(address)
    headers = {"Content-Type": "application/json", "User-Agent": f"jobctl/{__version__}", **credentials}
    request = urllib.request.Request(address, content.encode(), headers, method="POST")
    try:
        with opener.open(request, timeout=ANSWER_WITHIN) as response:
            response.read(MOST_READ)
            return f"{response.status} {response.reason}".strip()
    except URLError as error:
        return f"nothing: {error.reason}"
    except (OSError, http.client.HTTPException) as error:
        return f"nothing: {type(error).__name__} {error}".rstrip()


def parted(address: str) -> tuple[str, dict[str, str]]:
    """The address without a user's name and password, and these as a header."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(address)
    user, found, host = parts.netloc.rpartition("@")
    if not found:
        return address, {}
    encoded = base64.b64encode(unquote(user).encode()).decode()
    return parts._replace(netloc=host).geturl(), {"Authorization": f"Basic {encoded}"}
