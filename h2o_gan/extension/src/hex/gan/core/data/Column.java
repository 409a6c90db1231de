package hex.gan.core.data;

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
}
