"""Words of CQL2 text."""

import re
from dataclasses import dataclass
from typing import Literal

from geoserver_app.core.errors import BadFilter

Kind = Literal["number", "text", "name", "quoted", "sign", "end"]

# Possessive repeats: no input makes the pattern go back over what it has read.
PATTERN = re.compile(
    r"""[ \t\r\n\f\v\u00a0]*+(?:
      (?P<number>(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?)
    | (?P<text>'(?:[^'\\]++|''|\\.)*+')
    | (?P<quoted>"(?:[^"]++|"")*+")
    | (?P<name>[^\W\d][\w.:]*+|:[\w.:]++)
    | (?P<sign><>|<=|>=|[=<>+\-*/%^(),])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """``value`` is the word itself: quotes removed, doubled quotes undone."""

    kind: Kind
    value: str
    position: int

    @property
    def word(self) -> str:
        """The upper-case word where it can be a keyword, else nothing."""
        return self.value.upper() if self.kind == "name" else ""

    @property
    def shown(self) -> str:
        if self.kind == "end":
            return "the end"
        return repr(self.value if len(self.value) <= 40 else self.value[:37] + "…")


def tokenize(text: str, most: int) -> list[Token]:
    """All words and an end; BadFilter at what is no word, or past ``most`` words."""
    found: list[Token] = []
    position = 0
    while True:
        match = PATTERN.match(text, position)
        if match is None:
            rest = text[position:].lstrip()
            at = len(text) - len(rest)
            hint = "a closing quote is missing" if rest[:1] in {"'", '"'} else f"{rest[:1]!r} cannot stand here"
            raise BadFilter(f"at position {at + 1}: {hint}", locator="filter")
        kind: Kind = match.lastgroup  # type: ignore[assignment]
        found.append(Token(kind, _plain(kind, match[kind]), match.start(kind)))
        if kind == "end":
            return found
        if len(found) > most:
            raise BadFilter(f"the filter has more than {most} words", locator="filter")
        position = match.end()


def _plain(kind: Kind, text: str) -> str:
    if kind == "text":
        # CQL2 writes a quote inside a text as '' or \'; any other backslash stays, for LIKE.
        return re.sub(r"''|\\(.)", lambda m: "'" if m[0] in {"''", "\\'"} else m[0], text[1:-1], flags=re.DOTALL)
    if kind == "quoted":
        return text[1:-1].replace('""', '"')
    return text
