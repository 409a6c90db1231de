package hex.gan.arrow;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import water.parser.Categorical;

/**
 * The levels of a received enum column.
 *
 * <p>A stream may replace a dictionary several times. Levels keep the order of their first appearance, so codes
 * that were assigned stay valid.
 */
final class Levels {
  /** Id of the dictionary in the stream. */
  final long id;

  final int layout;
  private final String column;
  private final List<String> levels = new ArrayList<>();
  private final Map<String, Integer> codes = new HashMap<>();
  /** Index of the level of each dictionary entry, -1 for null; the array may be longer. */
  private int[] current = new int[0];
  private int entries;
  private long size;
  private String[] domain;

  Levels(String column, long id, int layout) {
    this.column = column;
    this.id = id;
    this.layout = layout;
  }

  /** The levels that H2O's parsers give to booleans, which have no dictionary. */
  static Levels ofBooleans(String column) {
    Levels levels = new Levels(column, 0, 0);
    levels.levels.add("False");
    levels.levels.add("True");
    return levels;
  }

  boolean fromDictionary() {
    return layout != 0;
  }

  /** Index of the level of each dictionary entry, -1 for null. Entries are only added. */
  int[] current() {
    return current;
  }

  /** Number of dictionary entries. */
  int entries() {
    return entries;
  }

  /**
   * Reads a dictionary.
   *
   * @param delta whether it extends the last one
   */
  void learn(BatchParser dictionary, boolean delta, Allowance allowance) throws ArrowException {
    Incoming.Values values = dictionary.dictionary(column, layout);
    int count = dictionary.rows;
    long size = values.texts.size(values, 0, count);
    allowance.charge(values.texts.shared() ? size : 0);
    Utf8 utf8 = new Utf8();
    if (!delta) {
      // A new array, because earlier rows still refer to the last one.
      current = new int[count];
      entries = 0;
    } else if (entries + (long) count > current.length) {
      current = Arrays.copyOf(current, (int) Math.min(Integer.MAX_VALUE - 8, 2L * entries + count));
    }
    if (current.length - entries < count) {
      throw new ArrowException("the stream is broken: a dictionary without end");
    }
    for (int i = 0; i < count; i++) {
      current[entries + i] = values.isNull(i) ? -1 : code(values.texts, i, utf8);
    }
    entries += count;
  }

  private int code(Texts texts, int entry, Utf8 utf8) throws ArrowException {
    texts.find(entry);
    utf8.check(texts.bytes(), texts.from, texts.to, column);
    String level = utf8.decode(texts.bytes(), texts.from, texts.to, column);
    Integer known = codes.get(level);
    if (known != null) {
      return known;
    }
    if (levels.size() == Categorical.MAX_CATEGORICAL_COUNT) {
      throw new ArrowException(
          "column " + Incoming.quoted(column) + " has more than " + Categorical.MAX_CATEGORICAL_COUNT
              + " levels, which H2O cannot hold; cast it to string");
    }
    codes.put(level, levels.size());
    levels.add(level);
    size += level.length();
    return levels.size() - 1;
  }

  /** Approximate bytes of the levels in a column. */
  long size() {
    return size + 8L * levels.size();
  }

  /** The levels; the same array until levels are added. */
  String[] domain() {
    if (domain == null || domain.length != levels.size()) {
      domain = levels.toArray(new String[0]);
    }
    return domain;
  }
}
