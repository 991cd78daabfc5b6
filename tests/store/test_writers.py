"""Many processes that write at once: nobody sees a lock, and nobody waits for ever."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobctl.config import Config
from jobctl.database import Database
from jobctl.errors import TryAgain
from jobctl.locks import FileLock
from jobctl.model import State
from tests.store.test_database import create, finish, python, raw
from tests.store.world import World

MIXED = """
import pathlib, random, sys
from jobctl import control, promotion
from jobctl.clock import system_clock
from jobctl.config import Config
from jobctl.errors import BadInput, NotFound, Refused
from jobctl.store import Store

home, number, times = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(number)
with Store.open(Config(home), system_clock(), f"user:{number}") as store:
    store.database.connection.execute("PRAGMA synchronous = OFF")
    mine = [control.submit(store, "backup").sequence]
    for turn in range(times):
        act = chance.choice([control.cancel, control.postpone, control.resume, control.rerun, control.delete,
                             control.submit, control.edit_job, store.system_jobs, promotion.promote])
        target = chance.choice(mine)
        try:
            if act is control.submit:
                mine.append(act(store, "backup").sequence)
            elif act is control.edit_job:
                act(store, "backup", {"priority": chance.randrange(5)})
            elif act is control.postpone:
                act(store, target, store.clock.now() + 10**12)
            elif act is promotion.promote:
                with store.write() as tx:
                    act(tx)
            elif act == store.system_jobs:
                act(limit=5)
            else:
                act(store, target)
        except (Refused, BadInput, NotFound):
            pass
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "home")


IN_TURN = """
import json, pathlib, sys
from jobctl.config import Config
from jobctl.database import Database
database = Database(Config(pathlib.Path(sys.argv[1])))
database.connection.execute("PRAGMA synchronous = OFF")
print("ready", flush=True)
import time
longest, until, times = 0.0, time.monotonic() + 2.0, 0
while time.monotonic() < until:
    asked = time.monotonic()
    with database.write():
        longest = max(longest, time.monotonic() - asked)
    times += 1
print(json.dumps([times, longest]))
"""


def test_eight_processes_write_without_seeing_a_lock(world: World) -> None:
    world.job(token="ledger")
    home = world.store.database.config.home
    results = finish([python(MIXED, home, number, 400) for number in range(8)])
    assert results == [(0, "")] * 8
    assert world.store.database.check() is None
    queue = [row for row in world.rows() if row.token_seq is not None and row.state is not State.COMPLETED]
    queue.sort(key=lambda row: row.token_seq or 0)
    assert [row.blocked_by for row in queue] == [None, *[row.sequence for row in queue[:-1]]]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two processors")
def test_writers_get_their_turns(tmp_path: Path) -> None:
    results = finish([python(IN_TURN, tmp_path / "home") for _ in range(4)])
    turns = [json.loads(out.splitlines()[1]) for code, out in results if code == 0]
    assert len(turns) == 4, results
    times = [number for number, _ in turns]
    assert max(longest for _, longest in turns) < 1.0, turns
    assert min(times) * 20 > max(times), turns


# Waiting


@pytest.mark.parametrize("lock", ["file", "database"])
def test_a_lock_held_for_longer_than_the_wait_is_told_after_the_wait(lock: str, config: Config) -> None:
    create(config)
    opened = Database(config, wait=0.3)
    release = hold(config, lock)
    started = time.monotonic()
    with pytest.raises(TryAgain), opened.write():
        pass
    assert time.monotonic() - started >= 0.3
    release()
    with opened.write():
        pass
    opened.close()


def hold(config: Config, lock: str) -> Callable[[], object]:
    if lock == "file":
        held = FileLock(config.write_lock)
        assert held.acquire()
        return held.release
    connection = raw(config)
    connection.execute("BEGIN IMMEDIATE")
    return connection.close


INTERRUPTED = """
import pathlib, sys, threading, time
from jobctl.locks import FileLock
path = pathlib.Path(sys.argv[1])
held, waiting = FileLock(path), FileLock(path)
held.acquire()
wait = threading.Event.wait
def interrupted(event, timeout=None):
    if timeout != 30.0:
        return wait(event, timeout)
    while "->" not in open("/proc/locks").read():
        time.sleep(0.001)
    raise KeyboardInterrupt
threading.Event.wait = interrupted
try:
    waiting.acquire(30.0)
except KeyboardInterrupt:
    pass
held.release()
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(10.0)
print(FileLock(path).acquire(), waiting.held)
"""


def test_an_interrupted_wait_does_not_take_the_lock_later(tmp_path: Path) -> None:
    assert finish([python(INTERRUPTED, tmp_path / "lock")]) == [(0, "True False\n")]


def test_readers_do_not_wait_for_a_writer(config: Config) -> None:
    create(config)
    release = hold(config, "database")
    opened = Database(config, wait=0.0)
    assert opened.run("job_names") == []
    opened.close()
    release()


def test_it_notices_that_the_file_is_another_one(config: Config) -> None:
    create(config)
    opened = Database(config)
    assert opened.in_place()
    config.database.rename(config.home / "elsewhere")
    assert not opened.in_place()
    shutil.copy(config.home / "elsewhere", config.database)
    assert not opened.in_place()
    opened.close()
