package hex.gan.core.rules;

import java.util.LinkedHashSet;
import java.util.Set;

/**
 * A node of an immutable syntax tree over the columns of a table; mirrors h2o_gan/engine/data/relations/expressions.py.
 *
 * <p>Types are checked when a node is made: a constructor throws IllegalArgumentException where those of its parts do
 * not go together.
 */
abstract class Expression {
  final Type type;

  Expression(Type type) {
    this.type = type;
  }

  /** The nodes right below. */
  Expression[] parts() {
    return new Expression[0];
  }

  /** The values, of numbers, times and time differences. */
  Numbers numbers(TableValues table) {
    throw new IllegalStateException(type.words + " has no numbers");
  }

  /** (rows,) the values, of text; null where they are missing. */
  String[] texts(TableValues table) {
    throw new IllegalStateException(type.words + " has no text");
  }

  /** The values, of a condition. */
  Truth truth(TableValues table) {
    throw new IllegalStateException(type.words + " is not a condition");
  }

  /** (rows,) which values are missing. */
  final boolean[] missing(TableValues table) {
    return type == Type.TEXT ? missing(texts(table)) : numbers(table).missing;
  }

  static boolean[] missing(String[] texts) {
    boolean[] missing = new boolean[texts.length];
    for (int i = 0; i < texts.length; i++) {
      missing[i] = texts[i] == null;
    }
    return missing;
  }

  /** Indices of the columns that the tree refers to, each once, in the order of the text. */
  final int[] columns() {
    Set<Integer> found = new LinkedHashSet<>();
    collect(found);
    int[] columns = new int[found.size()];
    int next = 0;
    for (int column : found) {
      columns[next++] = column;
    }
    return columns;
  }

  private void collect(Set<Integer> found) {
    if (this instanceof Reference) {
      found.add(((Reference) this).column);
    }
    for (Expression part : parts()) {
      part.collect(found);
    }
  }

  /** Whether the tree refers to a column. */
  final boolean refersTo(int column) {
    if (this instanceof Reference) {
      return ((Reference) this).column == column;
    }
    for (Expression part : parts()) {
      if (part.refersTo(column)) {
        return true;
      }
    }
    return false;
  }

  /** Whether a node of the tree asks what is missing. */
  final boolean asksForMissing() {
    if (this instanceof Missing) {
      return true;
    }
    for (Expression part : parts()) {
      if (part.asksForMissing()) {
        return true;
      }
    }
    return false;
  }

  /** The same part, whose type must be one of some. */
  static Expression expect(Expression part, Type... types) {
    StringBuilder needed = new StringBuilder();
    for (Type type : types) {
      if (part.type == type) {
        return part;
      }
      needed.append(needed.length() == 0 ? "" : " or ").append(type.words);
    }
    throw new IllegalArgumentException(part.type.words + " is where " + needed + " is needed");
  }

  /** The error of two parts whose types do not go together. */
  static IllegalArgumentException wrongPair(Type left, Type right, String verb) {
    return new IllegalArgumentException("cannot " + verb + " " + left.words + " and " + right.words);
  }
}
