"""CQL2 text: precedence climbing over the words of a filter.

Conditions and values share one grammar, so `(a + 1) * 2 > 3` and `(a > 1)` need no second try.
"""

from geoserver_app.core import filter as tree
from geoserver_app.core.errors import BadFilter
from geoserver_app.filters.build import ARITHMETIC, COMPARE, Built, as_expression, as_node, call, instant, interval
from geoserver_app.filters.limits import Budget, Limits
from geoserver_app.filters.tokens import Token, tokenize
from geoserver_app.filters.wkt import SHAPES, WktReader

OR, AND, COMPARISON, SUM, PRODUCT, POWER = 1, 2, 4, 5, 6, 7
LEVELS = {
    "OR": OR, "AND": AND, "LIKE": COMPARISON, "BETWEEN": COMPARISON, "IN": COMPARISON, "IS": COMPARISON,
    "NOT": COMPARISON, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "DIV": PRODUCT, "^": POWER,
    **dict.fromkeys(COMPARE, COMPARISON),
}  # fmt: skip
RESERVED = frozenset({"AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "DIV"})
DIGITS_MAX = 400


class TextParser:
    """Reads one filter; use once."""

    def __init__(self, text: str, limits: Limits, north_first: bool) -> None:
        if len(text) > limits.length:
            raise BadFilter(f"the filter is longer than {limits.length} characters", locator="filter")
        # A vertex is at most four words and a comma.
        self.tokens = tokenize(text, 8 * limits.nodes + 5 * limits.vertices)
        self.budget = Budget(limits)
        self.north_first = north_first
        self.at = 0

    def parse(self) -> tree.Node:
        built = self.expression(0, 0)
        if self.now.kind != "end":
            raise self.unexpected("AND, OR or the end")
        return as_node(built, "at position 1")

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def where(self, token: Token | None = None) -> str:
        return f"at position {(token or self.now).position + 1}"

    def unexpected(self, wanted: str) -> BadFilter:
        return BadFilter(f"{self.where()}: expected {wanted}, found {self.now.shown}", locator="filter")

    def is_sign(self, sign: str) -> bool:
        return self.now.kind == "sign" and self.now.value == sign

    def take_sign(self, sign: str) -> None:
        if not self.is_sign(sign):
            raise self.unexpected(repr(sign))
        self.at += 1

    def take_word(self, word: str) -> None:
        if self.now.word != word:
            raise self.unexpected(word)
        self.at += 1

    def built(self, value: object, *parts: Built) -> Built:
        """Count a new part of the tree and how deep it has become."""
        self.budget.node(self.where())
        height = 1 + max((part.height for part in parts), default=0)
        self.budget.depth(height, self.where())
        return Built(value, height)

    def expression(self, least: int, depth: int) -> Built:
        """An expression whose operators bind at least as tightly as ``least``."""
        self.budget.depth(depth, self.where())
        left = self.primary(depth)
        while True:
            sign = self.now.value if self.now.kind == "sign" else self.now.word
            level = LEVELS.get(sign, 0)
            if not level or level < least:
                return left
            if level == COMPARISON and not isinstance(left.value, VALUES):
                return left
            left = self.operator(left, sign, level, depth)

    def operator(self, left: Built, sign: str, level: int, depth: int) -> Built:
        if level in {OR, AND}:
            return self.chain(left, sign, level, depth)
        if sign in ARITHMETIC or sign == "DIV":
            where = self.where()
            self.at += 1
            right = self.expression(level if sign == "^" else level + 1, depth + 1)
            a, b = as_expression(left, where), as_expression(right, where)
            return self.built(tree.Arithmetic(sign.lower(), a, b), left, right)  # type: ignore[arg-type]
        return self.comparison(left, sign, depth)

    def chain(self, left: Built, word: str, level: int, depth: int) -> Built:
        """All parts of one AND or OR, side by side."""
        parts = [left]
        where = self.where()
        nodes = [as_node(left, where)]
        while self.now.word == word:
            where = self.where()
            self.at += 1
            parts.append(self.expression(level + 1, depth + 1))
            nodes.append(as_node(parts[-1], where))
        kind = tree.And if word == "AND" else tree.Or
        return self.built(kind(tuple(nodes)), *parts)

    def comparison(self, left: Built, sign: str, depth: int) -> Built:
        where = self.where()
        value = as_expression(left, where)
        self.at += 1
        if sign in COMPARE:
            right = self.expression(SUM, depth + 1)
            return self.built(tree.Compare(sign, value, as_expression(right, where)), left, right)  # type: ignore[arg-type]
        if sign == "IS":
            negated = self.skip_not()
            self.take_word("NULL")
            return self.negated(self.built(tree.IsNull(value), left), negated)
        negated = sign == "NOT"
        word = self.now.word if negated else sign
        if negated:
            if word not in {"LIKE", "BETWEEN", "IN"}:
                raise self.unexpected("LIKE, BETWEEN or IN")
            self.at += 1
        found = {"LIKE": self.like, "BETWEEN": self.between, "IN": self.inside}[word](left, value, where, depth + 1)
        return self.negated(found, negated)

    def skip_not(self) -> bool:
        found = self.now.word == "NOT"
        self.at += found
        return found

    def negated(self, built: Built, negated: bool) -> Built:
        return self.built(tree.Not(built.value), built) if negated else built

    def like(self, left: Built, value: tree.Expression, where: str, depth: int) -> Built:
        pattern = self.expression(SUM, depth)
        return self.built(tree.Like(value, as_expression(pattern, where)), left, pattern)

    def between(self, left: Built, value: tree.Expression, where: str, depth: int) -> Built:
        low = self.expression(SUM, depth)
        self.take_word("AND")
        high = self.expression(SUM, depth)
        node = tree.Between(value, as_expression(low, where), as_expression(high, where))
        return self.built(node, left, low, high)

    def inside(self, left: Built, value: tree.Expression, where: str, depth: int) -> Built:
        items = self.arguments(depth)
        if not items:
            raise BadFilter(f"{where}: IN needs at least one value", locator="filter")
        return self.built(tree.In(value, tuple(as_expression(item, where) for item in items)), left, *items)

    def arguments(self, depth: int) -> list[Built]:
        """`(a, b, …)`, possibly empty."""
        self.take_sign("(")
        found: list[Built] = []
        if not self.is_sign(")"):
            found.append(self.expression(SUM, depth + 1))
            while self.is_sign(","):
                self.at += 1
                found.append(self.expression(SUM, depth + 1))
        self.take_sign(")")
        return found

    def primary(self, depth: int) -> Built:
        token = self.now
        if token.kind == "number":
            self.at += 1
            return self.built(tree.Constant(self.number(token)))
        if token.kind == "text":
            self.at += 1
            return self.built(tree.Constant(token.value))
        if token.kind == "quoted":
            self.at += 1
            return self.built(tree.Property(token.value))
        if token.kind == "name":
            return self.named(token, depth)
        if self.is_sign("("):
            self.at += 1
            inner = self.expression(0, depth + 1)
            self.take_sign(")")
            return Built(inner.value, inner.height)
        if self.is_sign("-") or self.is_sign("+"):
            return self.signed(token, depth)
        raise self.unexpected("a value or a condition")

    def signed(self, token: Token, depth: int) -> Built:
        self.at += 1
        sign = -1 if token.value == "-" else 1
        if self.now.kind == "number":
            number = self.now
            self.at += 1
            return self.built(tree.Constant(sign * self.number(number)))
        inner = self.expression(POWER, depth + 1)
        value = as_expression(inner, self.where(token))
        return self.built(tree.Arithmetic("*", tree.Constant(sign), value), inner)

    def number(self, token: Token) -> int | float:
        """Digits alone stay exact, however many."""
        if len(token.value) > DIGITS_MAX:
            raise BadFilter(f"{self.where(token)}: the number is too long", locator="filter")
        if token.value.isdigit():
            return int(token.value)
        found = float(token.value)
        if found == float("inf"):
            raise BadFilter(f"{self.where(token)}: the number is too large", locator="filter")
        return found

    def named(self, token: Token, depth: int) -> Built:
        word = token.word
        after = self.tokens[self.at + 1]
        opens = after.kind == "sign" and after.value == "("
        if word == "NOT":
            self.at += 1
            inner = self.expression(COMPARISON, depth + 1)
            return self.built(tree.Not(as_node(inner, self.where(token))), inner)
        if word in {"TRUE", "FALSE"}:
            self.at += 1
            return self.built(tree.Constant(word == "TRUE"))
        if word in SHAPES and (opens or after.word == "Z"):
            return self.built(WktReader(self).read())
        if word in RESERVED:
            raise self.unexpected("a value or a condition")
        self.at += 1
        if not opens:
            return self.built(tree.Property(token.value))
        args = self.arguments(depth)
        return self.built(self.called(word, args, self.where(token)), *args)

    def called(self, word: str, args: list[Built], where: str) -> tree.Node | tree.Expression:
        values = [arg.value for arg in args]
        if word in {"DATE", "TIMESTAMP"}:
            if len(values) != 1 or not isinstance(values[0], tree.Constant) or not isinstance(values[0].value, str):
                raise BadFilter(f"{where}: {word} takes one text", locator="filter")
            return tree.Constant(instant(values[0].value, word.lower(), where))
        if word == "INTERVAL":
            if len(values) != 2:
                raise BadFilter(f"{where}: INTERVAL takes two times", locator="filter")
            return interval(values[0], values[1], where)
        return call(word.lower(), args, where)


VALUES = (tree.Property, tree.Constant, tree.Interval, tree.Geometry, tree.Function, tree.Arithmetic)
