"""The daemon, its clock and its runners."""

from __future__ import annotations

import json
from typing import Final

from jobctl import __version__, control, presence, processes
from jobctl.alarms import words
from jobctl.clock import MICROSECONDS, to_datetime
from jobctl.config import Config
from jobctl.doctor.checks import Check, fail, ok, warn
from jobctl.processes import Identity
from jobctl.store import Store

EARLIEST: Final = 1_767_225_600_000_000
"""2026-01-01 UTC, before the first release: a clock that shows less is wrong."""
LATELY: Final = 7 * 86_400 * MICROSECONDS
"""Microseconds for which jumps of the clock are of interest."""
SILENCE: Final = 120 * MICROSECONDS
"""Microseconds without a sign of life after which a daemon does not do its work; it shows one every 30 s at least."""


def wall_clock(store: Store) -> Check:
    """Whether the clock can be right."""
    now = store.clock.now()
    text = to_datetime(now).isoformat(" ", "seconds")
    if now < EARLIEST:
        return fail("clock", f"the clock shows {text}: it is wrong, set it")
    latest = max((one.modified_on for one in store.system_jobs(limit=1)), default=0)
    row = store.daemon()
    if row is not None:
        latest = max(latest, row.started_on)
    if latest > now + 60_000_000:
        stored = to_datetime(latest).isoformat(" ", "seconds")
        return warn("clock", f"the clock shows {text}, but {stored} is already recorded: it went back")
    return ok("clock", text)


def clock_jumps(store: Store) -> Check:
    """What happened to time lately: planned runs are held back or come late for it."""
    now = store.clock.now()
    jumps, rests = [], []
    for at, kind, detail in store.database.run("lately", {"since": now - LATELY}):
        values, when = json.loads(detail or "{}"), to_datetime(at).isoformat(" ", "seconds")
        if kind == "clock_jump":
            jumps.append(f"by {values.get('seconds', 0) / 3600:+.0f} h on {when}")
        else:
            rests.append(f"{words(values.get('until', 0) - values.get('since', 0))} until {when}")
    if jumps:
        return warn("clock jumps", f"{len(jumps)} in the last 7 days, {jumps[0]}: does the clock follow a time server?")
    if rests:
        times = "once" if len(rests) == 1 else f"{len(rests)} times"
        stood = f"the daemon stood still {times}, last for {rests[0]} (asleep, or stopped)"
        return ok("clock jumps", f"none in the last 7 days, but {stood}")
    return ok("clock jumps", "none in the last 7 days")


def daemon(config: Config, store: Store | None) -> Check:
    """Who runs what is due."""
    row = store.daemon() if store is not None else None
    if not control.daemon_running(config):
        return warn("daemon", "no daemon is running; start: jobctl daemon")
    if row is None or store is None:
        return ok("daemon", "running")
    silent = silence(config, store.clock.now())
    if silent is not None:
        return fail("daemon", silent)
    since = to_datetime(row.started_on).isoformat(" ", "seconds")
    text = f"process {row.pid} on {row.host}, jobctl {row.version}, {row.slots} slots, since {since}"
    if row.version != __version__:
        return warn("daemon", f"{text}; this is jobctl {__version__}: start the daemon again, runs go on")
    return ok("daemon", text)


def silence(config: Config, now: int) -> str | None:
    """Why a daemon that holds the home does not act: it is stopped, or hangs; None while it does."""
    seen, holder = presence.last_seen(config), presence.holder_of(config)
    process = None if holder is None else processes.inspect(holder.pid)
    if holder is not None and process is not None and process.state in processes.STOPPED:
        return f"the daemon (process {holder.pid}) is stopped; let it go on: kill -CONT {holder.pid}"
    if seen is None or now - seen <= SILENCE:
        return None
    who = "the daemon" if holder is None else f"the daemon (process {holder.pid})"
    return f"{who} has done nothing for {words(now - seen)}; replace it: jobctl daemon --takeover"


def runners(store: Store) -> Check:
    """Whether those who watch over what runs can do so."""
    known = [Identity(*row) for row in store.database.run("runner_identities")]
    alive = [one for one in known if processes.alive(one)]
    stuck = sorted(sequence for (sequence,) in store.database.run("stuck"))
    if stuck:
        numbers = ", ".join(f"#{sequence}" for sequence in stuck)
        return warn("runners", f"processes of {numbers} survive SIGKILL: look for a hung disk or network file system")
    stopped = [one.pid for one in alive if (info := processes.inspect(one.pid)) and info.state in processes.STOPPED]
    if stopped:
        pids = " ".join(map(str, stopped))
        return warn("runners", f"stopped, so nobody keeps the time of what they run; let go on: kill -CONT {pids}")
    return ok("runners", f"{len(alive)} alive, none stuck")
