"""Frames on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.runner.protocol import MAX_FRAME, FrameReader, ProtocolError, encode, one_by_one

texts = st.text(st.characters(exclude_categories=()))
messages = st.lists(st.dictionaries(texts, texts | st.integers() | st.none() | st.lists(texts)), max_size=5)


@given(messages, st.integers(min_value=1, max_value=50))
def test_messages_survive_any_way_of_cutting(sent: list[dict[str, object]], size: int) -> None:
    stream = b"".join(map(encode, sent))
    reader = FrameReader()
    heard = [m for start in range(0, len(stream), size) for m in reader.feed(stream[start : start + size])]
    assert heard == sent
    assert not reader.buffer


def test_quick_successes_can_be_read_one_by_one() -> None:
    rows = [[1, 2, 3, 40, 50, 10, '"a"'], [2, 1, 1, 50, 60, 10, None]]
    first, second = one_by_one({"k": "ends", "rows": rows, "n": 7})
    outcome = {"status": 30, "result": '"a"', "ended_on": 50, "run_time": 10}
    assert first == {"k": "end", "sequence": 1, "claim": 2, "attempt": 3, "at": 40, "outcome": outcome, "n": 7}
    assert (second["sequence"], second["outcome"]["result"], second["n"]) == (2, None, 7)
    assert one_by_one({"k": "begin", "n": 1}) == [{"k": "begin", "n": 1}]


@pytest.mark.parametrize(
    "stream",
    [
        (MAX_FRAME + 1).to_bytes(4, "big"),
        b"\0\0\0\1{",
        b"\0\0\0\2[]",
        b"\0\0\0\3[1]",
        b"\0\0\0\2\xff\xfe",
        b"\0\0\0\0",
        b"\0\1\x86\xa0" + b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(stream: bytes) -> None:
    with pytest.raises(ProtocolError):
        FrameReader().feed(stream)
