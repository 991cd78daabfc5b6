"""Immutable records, as `@dataclass(frozen=True, slots=True)` makes them, in a hundredth of its time.

dataclasses writes and compiles the text of each class's methods whenever a program starts; a command would spend more
on that than on its work. Here all classes share their methods. For type checkers the names are those of dataclasses,
and the `fields`, `replace` and `asdict` of dataclasses take these records, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from dataclasses import asdict as asdict
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import fields as fields
    from dataclasses import replace as replace
else:

    def dataclass(*, frozen, slots):
        """A class becomes a record of the names that it annotates; what else there is to choose dataclasses offers."""
        assert frozen and slots
        return _record

    def replace(record, /, **changes):
        """The record with other values in the named fields. Raises TypeError for a name that it does not have."""
        if not hasattr(record, "_values"):  # one that dataclasses made
            import dataclasses

            return dataclasses.replace(record, **changes)
        values = tuple(map(changes.pop, record.__slots__, record._values(record)))
        return record.__class__(*values, **changes)

    def fields(record):
        """As dataclasses says it."""
        import dataclasses

        return dataclasses.fields(record)

    def asdict(record):
        """As dataclasses does it."""
        import dataclasses

        return dataclasses.asdict(record)

    class field:
        """What makes the default of a field, for each record anew."""

        def __init__(self, *, default_factory):
            self.default_factory = default_factory


class Later:
    """The base of a record that may be there before its values: the first one asked for makes all of them."""

    __slots__ = ("_make",)

    @classmethod
    def later(cls, make: Callable[[], Iterable[Any]]) -> Self:
        """A record whose values `make` gives, in the order of its fields."""
        record = object.__new__(cls)
        _set(record, "_make", make)
        return record

    if not TYPE_CHECKING:  # or every name would be one of its attributes

        def __getattr__(self, name):
            if name not in self.__slots__:
                raise AttributeError(f"{self.__class__.__name__} has no attribute {name!r}")
            deque(map(_set, repeat(self), self.__slots__, self._make()), 0)
            return object.__getattribute__(self, name)


def _record(cls: type[Any]) -> type[Any]:
    names = tuple(cls.__dict__.get("__annotations__", ()))
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    defaults = {name: body.pop(name) for name in names if name in body}
    if names[len(names) - len(defaults) :] != tuple(defaults):
        raise TypeError(f"{cls.__name__}: a field without a default follows one with a default")
    body.update(
        __slots__=names,
        __match_args__=names,
        __dataclass_fields__=_Fields(),
        _defaults=defaults,
    )
    several = len(names) > 1  # only of several does attrgetter make a tuple
    body["_values"] = attrgetter(*names) if several else staticmethod(lambda one: tuple(getattr(one, n) for n in names))
    body["__init__"] = _init_checked if "__post_init__" in body else _init
    for name, method in _METHODS.items():
        body.setdefault(name, method)
    made: type[Any] = type.__call__(type(cls), cls.__name__, cls.__bases__, body)
    made.__qualname__ = cls.__qualname__
    return made


_set = object.__setattr__


def _all_values(record: Any, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    if len(values) + len(named) == len(record.__slots__):
        try:
            return (*values, *map(named.__getitem__, record.__slots__[len(values) :]))
        except KeyError:
            pass  # what follows says which it is
    found, name = list(values), record.__class__.__name__
    for missing in record.__slots__[len(values) :]:
        if missing in named:
            found.append(named.pop(missing))
        elif missing in record._defaults:
            default = record._defaults[missing]
            found.append(default.default_factory() if type(default) is field else default)
        else:
            raise TypeError(f"{name}() needs the argument {missing!r}")
    if named:
        raise TypeError(f"{name}() got an unexpected argument {next(iter(named))!r}, or one that it has already")
    if len(found) > len(record.__slots__):
        raise TypeError(f"{name}() takes {len(record.__slots__)} arguments, not {len(found)}")
    return tuple(found)


def _init(self: Any, /, *values: Any, **named: Any) -> None:
    if named or len(values) != len(self.__slots__):
        values = _all_values(self, values, named)
    deque(map(_set, repeat(self), self.__slots__, values), 0)


def _init_checked(self: Any, /, *values: Any, **named: Any) -> None:
    _init(self, *values, **named)
    self.__post_init__()


def _eq(self: Any, other: object) -> Any:
    same = other.__class__ is self.__class__
    return self._values(self) == other._values(other) if same else NotImplemented  # type: ignore[attr-defined]


def _hash(self: Any) -> int:
    return hash(self._values(self))


def _repr(self: Any) -> str:
    pairs = zip(self.__slots__, self._values(self), strict=True)
    return f"{self.__class__.__qualname__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"


def _refuse(self: Any, name: str, *value: object) -> None:
    raise AttributeError(f"{self.__class__.__name__}.{name} cannot be changed: it is a record's")


def _reduce(self: Any) -> tuple[Any, ...]:
    return self.__class__, self._values(self)


_METHODS = {
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__reduce__": _reduce,
}


class _Fields:
    """What dataclasses wants to know of a class, made when it asks."""

    def __get__(self, record: object, owner: Any) -> dict[str, Any]:
        import dataclasses

        own = {
            name: dataclasses.field(default_factory=default.default_factory) if type(default) is field else default
            for name, default in owner._defaults.items()
        }
        body = {**own, "__annotations__": owner.__annotations__, "__module__": owner.__module__, "__doc__": ""}
        twin: Any = dataclasses.dataclass(init=False, repr=False, eq=False)(type(owner.__name__, (), body))
        found: dict[str, Any] = twin.__dataclass_fields__
        owner.__dataclass_fields__ = found
        return found
