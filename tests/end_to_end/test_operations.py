"""Every operation in every state, through the command line: what is legal happens, the rest is refused and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest

from tests.conftest import wait_until
from tests.end_to_end import stage
from tests.end_to_end.stage import STATES, Stage

pytestmark = pytest.mark.thorough

TABLE: Final = """
                    cancel     pause   resume       postpone           delete  delete!    rerun
ready               user       no      no           postponed          gone    gone       no
scheduled           user       no      succeeded    postponed          gone    gone       no
postponed           user       no      succeeded    postponed          gone    gone       no
paused              user       no      in_progress  postponed          no      gone       no
retrying            user       no      exit         retrying           gone    gone       no
held                user       no      in_progress  postponed          gone    gone       no
after               user       no      succeeded    after              gone    gone       no
waiting_for_event   user       no      succeeded    waiting_for_event  gone    gone       no
stopping            canceling  no      no           no                 no      canceling  no
locked              user       paused  no           postponed          no      gone       no
canceling           canceling  no      no           no                 no      canceling  no
succeeded           no         no      no           no                 gone    gone       succeeded
failed              no         no      no           no                 gone    gone       exit
canceled            no         no      no           no                 gone    gone       succeeded
"""
"""What becomes of it: its reason, else its status; of a rerun, the new one's. `delete!` is `delete --force`.

Seed 003's table of operations by state, with three rulings of the design: a suspended one may be postponed, the
deletion of one whose processes live needs --force, and what is being canceled can only be canceled.
"""
PLATFORM: Final = """
            cancel  pause  resume  postpone   delete  rerun
ready       no      no     no      postponed  gone    no
scheduled   no      no     no      postponed  gone    no
locked      no      no     no      postponed  no      no
succeeded   no      no     no      no         gone    succeeded
"""
"""The same for jobctl's own maintenance, which nobody cancels, pauses or resumes."""
STATE_WORDS: Final = {
    "ready": "ready (waiting for resources)",
    "locked": "locked (in progress)",
    "canceling": "locked (canceling)",
    "stopping": "suspended (waiting, canceling)",
    "succeeded": "completed (succeeded)",
    "failed": "completed (failed, exit)",
    "canceled": "completed (canceled, user)",
}


class Cell(NamedTuple):
    state: str
    operation: str
    becomes: str
    platform: bool = False

    @property
    def words(self) -> list[str]:
        """The command."""
        command = self.operation.replace("!", " --force").split()
        return [*command, "--until", "2099-01-01"] if self.operation == "postpone" else command

    @property
    def id(self) -> str:
        name = f"{self.state}-{self.operation.replace('!', '-force')}"
        return f"platform-{name}" if self.platform else name


def cells(table: str, platform: bool = False) -> Iterator[Cell]:
    header, *lines = table.strip().splitlines()
    for line in lines:
        state, *ends = line.split()
        for operation, becomes in zip(header.split(), ends, strict=True):
            yield Cell(state, operation, becomes, platform)


CELLS: Final = [*cells(TABLE), *cells(PLATFORM, platform=True)]
ILLEGAL: Final = [cell for cell in CELLS if cell.becomes == "no"]


def legal(state: str, platform: bool) -> set[str]:
    """The operations that the table allows, as a refusal names them."""
    ends = {cell.operation: cell.becomes for cell in CELLS if (cell.state, cell.platform) == (state, platform)}
    found = {operation for operation, becomes in ends.items() if becomes != "no"} - {"delete", "delete!"}
    return found | {"delete" if ends["delete"] != "no" else "delete --force"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One system job for each cell that changes it, one for all the others of its state."""
    refusing = {(cell.state, cell.platform) for cell in ILLEGAL}
    wanted = Counter([cell.state for cell in CELLS if cell.becomes != "no"] + [state for state, _ in refusing])
    with stage.stage(tmp_path_factory.mktemp("person"), slots=40) as one:
        one.define()
        one.set_up(dict(wanted))
        yield one


@pytest.fixture(scope="module")
def refusing(world: Stage) -> dict[tuple[str, bool], int]:
    """The one of each state on which what is illegal is tried."""
    kinds = dict.fromkeys((cell.state, cell.platform) for cell in ILLEGAL)
    found = {kind: world.take(kind[0]) for kind in kinds}
    for (_, platform), number in found.items():
        if platform:
            world.make_platform(number)
    return found


def test_the_table_is_whole() -> None:
    assert {(cell.state, cell.operation) for cell in cells(TABLE)} == {
        (state, operation) for state in STATES for operation in TABLE.split()[:7]
    }


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.becomes != "no"], ids=lambda cell: cell.id)
def test_what_is_legal_happens(world: Stage, cell: Cell) -> None:
    number = world.take(cell.state)
    if cell.platform:
        world.make_platform(number)
    before = world.stored(number)
    job = world.row(number).job
    found = world.jobctl(*cell.words, number, expect=0)
    assert found.stderr == ""
    (line,) = found.stdout.splitlines()
    if cell.operation == "rerun":
        assert world.stored(number) == before, "what is completed stays as it is"
        number = int(line.split()[0])
        assert world.row(number).rerun_of == before[0][1]
    assert line.startswith(f"{number} {job}: ")
    wait_until(lambda: world.standing(number) == cell.becomes, what=f"#{number} is {cell.becomes}")


@pytest.mark.parametrize("cell", ILLEGAL, ids=lambda cell: cell.id)
def test_what_is_not_legal_is_refused_and_changes_nothing(
    world: Stage, refusing: dict[tuple[str, bool], int], cell: Cell
) -> None:
    number = refusing[cell.state, cell.platform]
    before = world.stored(number)
    found = world.jobctl(*cell.words, number, expect=4)
    assert world.stored(number) == before
    assert found.stdout == ""
    (sentence,) = found.stderr.splitlines()
    words = STATE_WORDS.get(cell.state, f"suspended (waiting, {cell.state})")
    whose = ", jobctl's own maintenance" if cell.platform and cell.operation != "delete" else ""
    assert sentence.startswith(f"jobctl: system job {number} is {words}{whose}: "), sentence
    assert cell.operation in sentence, sentence
    if cell.operation == "delete":
        assert "--force" in sentence, sentence
    else:
        assert set(sentence.partition("; legal: ")[2].split(", ")) == legal(cell.state, cell.platform), sentence
