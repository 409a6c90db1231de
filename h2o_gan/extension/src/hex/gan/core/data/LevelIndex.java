package hex.gan.core.data;

import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Levels of other columns as indices in the levels of a model's column.
 *
 * <p>Texts are looked up once for each list of levels, not for each block: the last list is kept. A reader of large
 * frames can do the same at once: it takes {@link #indices} and hands out {@link Values} with the column's own list,
 * whose unknown levels have an index beyond its end. Such values need no look-up at all.
 */
public final class LevelIndex {
  private final List<String> levels;
  private volatile Map<String, Integer> byText;
  private volatile Mapped last = new Mapped(null, null);

  /** A list of levels, and the index of each. */
  private static final class Mapped {
    final WeakReference<List<String>> levels;
    final int[] indices;

    Mapped(List<String> levels, int[] indices) {
      this.levels = new WeakReference<>(levels);
      this.indices = indices;
    }
  }

  public LevelIndex(Column column) {
    this.levels = column.levels;
  }

  /** The index of a level; the number of the column's levels where it has none of this name. */
  public int of(String level) {
    Map<String, Integer> known = byText;
    if (known == null) {
      known = new HashMap<>(2 * levels.size());
      for (int i = 0; i < levels.size(); i++) {
        known.putIfAbsent(levels.get(i), i);
      }
      byText = known;
    }
    return known.getOrDefault(level, levels.size());
  }

  /** The index of each level of a list. */
  public int[] indices(List<String> others) {
    Mapped found = last;
    if (found.levels.get() != others) {
      int[] indices = new int[others.size()];
      Arrays.setAll(indices, i -> of(others.get(i)));
      found = new Mapped(others, indices);
      last = found;
    }
    return found.indices;
  }

  /**
   * The indices of values.
   *
   * @param values of an enum, or text
   * @return (rows,) the number of the column's levels for other levels, and for missing values
   */
  public int[] of(Values values) {
    int[] found = new int[values.size()];
    if (values.kind.isNumber()) {
      throw new IllegalArgumentException("the values are of kind " + values.kind.word() + ", not levels.");
    }
    int[] indices = values.text != null || values.levels == levels ? null : indices(values.levels);
    int unknown = levels.size();
    for (int i = 0; i < found.length; i++) {
      if (values.missing[i]) {
        found[i] = unknown;
      } else if (values.text != null) {
        found[i] = of(values.text[i]);
      } else if (indices != null) {
        found[i] = indices[(int) values.whole[i]];
      } else {
        found[i] = (int) Math.min(values.whole[i], unknown);
      }
    }
    return found;
  }
}
