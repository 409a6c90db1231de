package hex.gan.core.rules;

import hex.gan.core.data.Kind;

/** The types of expressions. */
enum Type {
  NUMBER("a number"),
  /** Milliseconds since 1970. */
  TIME("a time"),
  /** Milliseconds. */
  DIFFERENCE("a time difference"),
  TEXT("text"),
  CONDITION("a condition");

  /** The type in messages. */
  final String words;

  Type(String words) {
    this.words = words;
  }

  /** The type of an expression that is a column of some kind. */
  static Type of(Kind kind) {
    if (kind == Kind.TIME) {
      return TIME;
    }
    return kind.isNumber() ? NUMBER : TEXT;
  }
}
