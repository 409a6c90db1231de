"""The text of a rule as tokens, and errors that point at a place in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from h2o_gan.engine.data.relations.expressions import IDENTIFIER

__all__ = ["Token", "rule_error", "tokens_of", "unquoted"]

_SHOWN = 80  # characters of a rule above a caret

_TOKENS = re.compile(
    rf"""(?P<space>\s+)
    |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>{IDENTIFIER.pattern})
    |(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    |(?P<text>'(?:[^']|'')*')
    |(?P<sign><=|>=|!=|==|[-+*/=<>(),])""",
    re.VERBOSE,
)
_HINTS = {
    "&": "; write 'and'",
    "|": "; write 'or'",
    "!": "; write 'not', or != between values",
    "'": ": the quote is not closed",
    '"': ": the quote is not closed",
    "`": ": the quote is not closed",
    "\u2018": "; use straight quotes",
    "\u2019": "; use straight quotes",
    "\u201c": "; use straight quotes",
    "\u201d": "; use straight quotes",
}


@dataclass(frozen=True)
class Token:
    """A piece of the text.

    Attributes:
        kind: name of its group in `_TOKENS`; "end" after the last one.
        text: as it is written.
        start: its position.
    """

    kind: str
    text: str
    start: int

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of some signs."""
        return self.kind == "sign" and self.text in signs

    def is_word(self, *words: str) -> bool:
        """Whether it is one of some words."""
        return self.kind == "name" and self.text in words


def tokens_of(text: str) -> list[Token]:
    """The tokens of a rule, without spaces; the last one is of the kind "end".

    Raises:
        ValueError: a part of the text is no token.
    """
    tokens, start = [], 0
    while start < len(text):
        match = _TOKENS.match(text, start)
        if match is None:
            letter = text[start]
            raise rule_error(text, f"unexpected {letter!r}{_HINTS.get(letter, '')}", start)
        if match.lastgroup != "space":
            tokens.append(Token(str(match.lastgroup), match[0], start))
        start = match.end()
    return [*tokens, Token("end", "", len(text))]


def rule_error(
    text: str, message: str, start: int, kind: type[Exception] = ValueError
) -> Exception:
    """An error that shows the rule and a caret below a position.

    Args:
        text: of the rule.
        message: what is wrong, without a full stop.
        start: the position in the text.
        kind: of the error.
    """
    begin = max(min(start - _SHOWN // 2, len(text) - _SHOWN), 0)
    part = text[begin : begin + _SHOWN]
    shown = "".join(letter if letter.isprintable() else " " for letter in part)
    end = "" if message.endswith("?") else "."
    return kind(f"constraints: {message}{end}\n    {shown}\n    {' ' * (start - begin)}^")


def unquoted(token: Token) -> str:
    """The text of a token, without its quotes."""
    if token.kind not in ("quoted", "text"):
        return token.text
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)
