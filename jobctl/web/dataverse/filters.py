"""`$filter`: an expression of OData 4.0 (part 2, section 5.1.1) becomes a condition."""

from __future__ import annotations

from typing import Final

from jobctl.errors import BadInput
from jobctl.querying import (
    AllOf,
    AnyOf,
    Call,
    Column,
    Compare,
    Condition,
    Kind,
    Not,
    OneOf,
    Operand,
)
from jobctl.querying import Value as Value
from jobctl.web.dataverse import tokens
from jobctl.web.dataverse.attributes import PATHS, attribute, shown, suggestion
from jobctl.web.dataverse.comparing import WORDS, boolean, compared, fitting
from jobctl.web.dataverse.tokens import Word

DEEPEST: Final = 64
"""How far expressions may be nested."""
MOST: Final = 300
"""Comparisons and values at most."""
COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge")
SEARCHES: Final = ("contains", "startswith", "endswith")
FUNCTIONS: Final = {
    "tolower": "lower",
    "toupper": "upper",
    **{name: name for name in ("trim", "length", "year", "month", "day", "hour", "minute", "second", "date")},
}
"""OData's names of what can be made of a value."""
KNOWN: Final = (*SEARCHES, *FUNCTIONS, "now")


def parse(text: str, now: int) -> Condition:
    """The condition that a `$filter` means; `now` is an instant. Raises BadInput naming what is wrong."""
    return Parser(text, now).whole()


class Parser:
    def __init__(self, text: str, now: int) -> None:
        self.words = list(tokens.words(text))
        self.now = now
        self.place = self.depth = self.used = 0

    def whole(self) -> Condition:
        found = self._either()
        if self._word.kind != "end":
            raise self._unexpected("and, or, or the end")
        return found

    # Words

    @property
    def _word(self) -> Word:
        return self.words[self.place]

    def _take(self) -> Word:
        word = self._word
        self.place += word.kind != "end"
        return word

    def _is(self, text: str) -> bool:
        return self._word.text == text and self._word.kind in ("name", "mark")

    def _taken(self, text: str) -> bool:
        found = self._is(text)
        self.place += found
        return found

    def _expect(self, text: str) -> None:
        if not self._taken(text):
            raise self._unexpected(f"{text!r}")

    def _unexpected(self, wanted: str) -> BadInput:
        word = self._word
        found = "the filter ends" if word.kind == "end" else f"{shown(word.text)} stands at character {word.at + 1}"
        return BadInput(f"{found} where {wanted} was expected")

    def _count(self) -> None:
        self.used += 1
        if self.used > MOST:
            raise BadInput(f"a filter has at most {MOST} comparisons and values")

    # Grammar

    def _either(self) -> Condition:
        self.depth += 1
        if self.depth > DEEPEST:
            raise BadInput(f"a filter is nested {DEEPEST} deep at most")
        parts = [self._every()]
        while self._taken("or"):
            parts.append(self._every())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _every(self) -> Condition:
        parts = [self._one()]
        while self._taken("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _one(self) -> Condition:
        negations = 0
        while self._taken("not"):
            negations += 1
        found = self._group() if self._is("(") else self._comparison()
        return Not(found) if negations % 2 else found

    def _group(self) -> Condition:
        self._expect("(")
        found = self._either()
        self._expect(")")
        return found

    def _comparison(self) -> Condition:
        self._count()
        if self._word.text in SEARCHES and self.words[self.place + 1].text == "(":
            found = self._search(self._take().text)
            return self._against_truth(found)
        left = self._operand()
        if self._taken("in"):
            return self._among(left)
        if self._word.kind == "name" and self._word.text in COMPARISONS:
            operator = self._take().text
            return compared(operator, left, self._operand())
        if left.kind is Kind.BOOLEAN:
            return boolean(left)
        raise self._unexpected(", ".join(COMPARISONS) + " or in")

    def _search(self, operator: str) -> Condition:
        self._expect("(")
        operands = [self._operand()]
        self._expect(",")
        operands.append(self._operand())
        self._expect(")")
        for operand in operands:
            if operand.kind not in (Kind.TEXT, None):
                raise BadInput(f"{operator} compares texts, not {WORDS[operand.kind]}")
        return Compare(operator, *operands)

    def _against_truth(self, found: Condition) -> Condition:
        """`contains(…) eq true` is the same as without."""
        if self._word.text not in ("eq", "ne"):
            return found
        same = self._take().text == "eq"
        word = self._take()
        if word.text not in ("true", "false"):
            raise BadInput(f"what contains, startswith or endswith gives is true or false, not {shown(word.text)}")
        return found if same == (word.text == "true") else Not(found)

    def _among(self, left: Operand) -> Condition:
        self._expect("(")
        values: list[Value] = []
        while True:
            self._count()
            value = fitting(left, self._operand())
            if not isinstance(value, Value):
                raise BadInput("in takes a list of values, as in statuscode in (31,32)")
            values.append(value)
            if not self._taken(","):
                break
        self._expect(")")
        return OneOf(left, tuple(values))

    def _operand(self) -> Operand:
        word = self._word
        value = tokens.literal(word)
        if value is not None:
            self._take()
            return value
        if word.kind != "name" or word.text in (*COMPARISONS, "and", "or", "not", "in"):
            raise self._unexpected("a property or a value")
        self._take()
        return self._call(word) if self._is("(") else self._property(word)

    def _call(self, word: Word) -> Operand:
        name = word.text
        if name not in KNOWN:
            hint = suggestion(name, KNOWN)
            raise BadInput(f"no function {shown(name)}{hint}; there are: {', '.join(KNOWN)}")
        if name in SEARCHES:
            raise BadInput(f"{name} gives true or false; it stands alone, as in {name}(name,'x')")
        self._expect("(")
        self.depth += 1
        if self.depth > DEEPEST:
            raise BadInput(f"a filter is nested {DEEPEST} deep at most")
        inner = None if name == "now" else self._operand()
        self._expect(")")
        self.depth -= 1
        if inner is None:
            return Value(self.now, Kind.INSTANT)
        return made(FUNCTIONS[name], name, inner)

    def _property(self, word: Word) -> Column:
        if word.text in PATHS:
            return Column(PATHS[word.text])
        if "/" in word.text:
            raise BadInput(f"{shown(word.text)} cannot be searched for; through a reference: {', '.join(PATHS)}")
        found = attribute(word.text)
        if found.column is None:
            raise BadInput(f"{found.name} is composed when it is shown, and cannot be searched for; message can")
        return Column(found.column)


def made(function: str, name: str, operand: Operand) -> Operand:
    """A function of an operand. Raises BadInput where it does not fit."""
    from jobctl.querying import FUNCTIONS as KINDS

    wanted = KINDS[function][0]
    if operand.kind not in (wanted, None):
        raise BadInput(f"{name} takes {WORDS[wanted]}, not {WORDS[operand.kind]}")
    return Call(function, operand)
