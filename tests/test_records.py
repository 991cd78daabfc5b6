"""Records are what dataclasses would have made, and dataclasses takes them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from typing import Any

import pytest

from jobctl import records


@records.dataclass(frozen=True, slots=True)
class Point:
    """A place."""

    x: int
    y: int = 2
    tags: dict[str, int] = records.field(default_factory=dict)

    @property
    def sum(self) -> int:
        return self.x + self.y


@records.dataclass(frozen=True, slots=True)
class Checked:
    only: int

    def __post_init__(self) -> None:
        if self.only < 0:
            raise ValueError(self.only)


@dataclasses.dataclass(frozen=True, slots=True)
class Twin:
    x: int
    y: int = 2
    tags: dict[str, int] = dataclasses.field(default_factory=dict)


def test_values_are_given_by_place_by_name_and_by_default() -> None:
    assert Point(1) == Point(1, 2) == Point(x=1, y=2, tags={}) == Point(1, tags={}, y=2)
    assert (Point(1, 5).x, Point(1, 5).y, Point(1).sum) == (1, 5, 3)
    assert Point(1).tags is not Point(1).tags
    others: tuple[Any, ...] = (Point(2), (1, 2, {}), Twin(1))
    assert all(Point(1) != other for other in others)


@pytest.mark.parametrize("given", [((), {}), ((), {"y": 1}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((1, 2, {}, 4), {})])
def test_what_does_not_fit_is_refused_as_by_dataclasses(given: tuple[tuple[int, ...], dict[str, int]]) -> None:
    for kind in (Point, Twin):
        make: Any = kind
        with pytest.raises(TypeError):
            make(*given[0], **given[1])


def test_a_field_without_default_after_one_with_is_refused() -> None:
    with pytest.raises(TypeError, match="default"):

        @records.dataclass(frozen=True, slots=True)
        class Wrong:
            x: int = 1
            y: int  # type: ignore[misc]


def test_a_record_never_changes() -> None:
    point: Any = Point(1)
    with pytest.raises(AttributeError, match=r"Point\.x cannot be changed"):
        point.x = 2
    with pytest.raises(AttributeError):
        del point.x
    with pytest.raises(AttributeError):
        point.other = 1
    assert point.x == 1 and not hasattr(point, "__dict__")


def test_replace_gives_another() -> None:
    point = Point(1, 2, {"a": 1})
    assert records.replace(point, y=3) == dataclasses.replace(point, y=3) == Point(1, 3, {"a": 1})
    assert point == Point(1, 2, {"a": 1})
    with pytest.raises(TypeError, match="z"):
        records.replace(point, z=1)  # type: ignore[call-arg]
    twin = Twin(1, 2, {})
    assert records.replace(twin, y=3) == dataclasses.replace(twin, y=3)


def test_a_check_is_made_of_each() -> None:
    assert Checked(1).only == 1
    assert hash(Checked(1)) == hash(Checked(1)) and repr(Checked(1)) == "Checked(only=1)"
    with pytest.raises(ValueError):
        Checked(-1)
    with pytest.raises(ValueError):
        records.replace(Checked(1), only=-1)


def test_it_shows_hashes_copies_and_matches_as_theirs() -> None:
    point, twin = Point(1, tags={"a": 1}), Twin(1, tags={"a": 1})
    assert repr(point) == repr(twin).replace("Twin", "Point")
    assert copy.deepcopy(point) == copy.copy(point) == pickle.loads(pickle.dumps(point)) == point
    assert Point.__doc__ == "A place." and Point.__match_args__ == ("x", "y", "tags") == Point.__slots__
    match point:
        case Point(1, y):
            assert y == 2
        case _:
            pytest.fail("it did not match")


def test_dataclasses_takes_it() -> None:
    def described(kind: Any) -> list[tuple[Any, ...]]:
        return [(one.name, one.type, one.default, one.default_factory) for one in dataclasses.fields(kind)]

    assert dataclasses.is_dataclass(Point)
    assert described(Point) == described(Twin) == described(Point(1)) == [*map(tuple, described(Point))]
    assert records.asdict(Point(1)) == dataclasses.asdict(Point(1)) == {"x": 1, "y": 2, "tags": {}}
    assert records.fields(Point) == dataclasses.fields(Point)


def test_making_a_class_needs_no_dataclasses() -> None:
    code = "import sys, jobctl.model; print({'dataclasses', 'inspect', 'ast'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@records.dataclass(frozen=True, slots=True)
class Made(records.Later):
    x: int
    y: int


def test_values_that_are_made_later_are_those_of_any_other() -> None:
    made: list[int] = []

    def values() -> tuple[int, int]:
        made.append(1)
        return 1, 2

    one: Any = Made.later(values)
    with pytest.raises(AttributeError, match="z"):
        _ = one.z
    assert made == []
    assert (one.y, one.x) == (2, 1) and one == Made(1, 2) and made == [1]
    for use in (repr, hash, pickle.dumps, dataclasses.asdict):
        assert use(Made.later(values)) == use(Made(1, 2))
    assert records.replace(Made.later(values), x=3) == Made(3, 2)
    with pytest.raises(AttributeError):
        Made.later(values).x = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match="z"):
        _ = getattr(Made(1, 2), "z")  # noqa: B009
