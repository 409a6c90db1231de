"""The text of rules as tokens, and errors that point at a place in it."""

import pytest

from h2o_gan.engine.data.relations.lexer import rule_error, tokens_of, unquoted


def test_tokens_with_their_places():
    *tokens, end = tokens_of("""a_1 <=.5e3 "it ""is" 'don''t'""")
    assert [(token.kind, token.text, token.start) for token in tokens] == [
        ("name", "a_1", 0), ("sign", "<=", 4), ("number", ".5e3", 6),
        ("quoted", '"it ""is"', 11), ("text", "'don''t'", 21),
    ]  # fmt: skip
    assert [unquoted(token) for token in tokens[-2:]] == ['it "is', "don't"]
    assert tokens[0].is_word("or", "a_1") and tokens[1].is_sign("<=") and not end.is_sign("")
    assert (end.kind, end.start) == ("end", 29)


def test_errors_show_the_place():
    with pytest.raises(ValueError, match="^constraints: unexpected '&'; write 'and'") as found:
        tokens_of("a > 1 & b > 2")
    assert str(found.value).splitlines()[1:] == ["    a > 1 & b > 2", "          ^"]
    long = str(rule_error("x" * 500 + "?" + "x" * 500, "no", 500, TypeError))
    text, caret = long.splitlines()[1:]
    assert len(text) == 84 and text[caret.index("^")] == "?"
