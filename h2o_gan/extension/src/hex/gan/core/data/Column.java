package hex.gan.core.data;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;
import java.util.Collections;
import java.util.List;

/** One column: its name, its kind and, for an enum, its levels in the training frame's order. */
public final class Column {
  public final String name;
  public final Kind kind;
  /** Unmodifiable; empty unless the kind is ENUM. */
  public final List<String> levels;

  public Column(String name, Kind kind, List<String> levels) {
    this.name = name;
    this.kind = kind;
    this.levels = Collections.unmodifiableList(levels);
  }

  /** Reads a column from a model file: {"name", "kind", "levels"}. */
  public static Column restore(Json json) throws DamagedException {
    String name = json.get("name").text();
    String word = json.get("kind").text();
    for (Kind kind : Kind.values()) {
      if (kind.word().equals(word)) {
        return new Column(name, kind, json.get("levels").texts());
      }
    }
    throw json.get("kind").wrong("is not a kind of columns");
  }

  /** The error that the column's part of a file is wrong, with its name. */
  public DamagedException wrong(String reason) {
    return new DamagedException("column " + Messages.quoted(name, 50) + ": " + reason);
  }
}
