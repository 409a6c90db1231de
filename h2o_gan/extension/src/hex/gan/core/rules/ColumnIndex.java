package hex.gan.core.rules;

import hex.gan.core.data.Column;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The columns of a table, and the index of each by its name. */
public final class ColumnIndex {
  /** Unmodifiable. */
  public final List<Column> columns;
  private final Map<String, Integer> indices = new HashMap<>();
  private final Map<Integer, Map<String, Integer>> levels = new HashMap<>();

  public ColumnIndex(List<Column> columns) {
    this.columns = Collections.unmodifiableList(new ArrayList<>(columns));
    for (int i = 0; i < columns.size(); i++) {
      indices.put(columns.get(i).name, i);
    }
  }

  /** The index of each level of a column, the first one of equal levels. Not to be changed; made once. */
  synchronized Map<String, Integer> levels(int column) {
    return levels.computeIfAbsent(column, index -> {
      Map<String, Integer> found = new HashMap<>();
      List<String> texts = columns.get(index).levels;
      for (int i = 0; i < texts.size(); i++) {
        found.putIfAbsent(texts.get(i), i);
      }
      return found;
    });
  }

  /** The index of a column; -1 where there is none of this name. */
  public int of(String name) {
    Integer index = indices.get(name);
    return index == null ? -1 : index;
  }
}
