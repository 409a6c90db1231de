package hex.gan.arrow;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import water.parser.Categorical;

/**
 * The levels of a column of enums on its way in.
 *
 * <p>A stream may send a dictionary again and again, each time another one: levels keep the order in
 * which they came first, and the codes that were given out stay right.
 */
final class Levels {
  /** The stream's number of the dictionary. */
  final long id;

  final int layout;
  private final String column;
  private final List<String> levels = new ArrayList<>();
  private final Map<String, Integer> codes = new HashMap<>();
  private int[] current = new int[0];

  Levels(String column, long id, int layout) {
    this.column = column;
    this.id = id;
    this.layout = layout;
  }

  /** The levels that H2O's own parsers make of booleans; no dictionary brings them. */
  static Levels ofBooleans(String column) {
    Levels levels = new Levels(column, 0, 0);
    levels.levels.add("False");
    levels.levels.add("True");
    return levels;
  }

  boolean fromDictionary() {
    return layout != 0;
  }

  /** Which level each of the dictionary's entries is; -1 for null. */
  int[] current() {
    return current;
  }

  /**
   * Takes a dictionary.
   *
   * @param delta whether it goes on where the last one ended
   */
  void learn(BatchParser dictionary, boolean delta) throws ArrowException {
    Incoming.Values values = dictionary.dictionary(column, layout);
    int count = dictionary.rows;
    Utf8 utf8 = new Utf8();
    int[] found = new int[count];
    for (int i = 0; i < count; i++) {
      found[i] = values.isNull(i) ? -1 : code(values.texts, i, utf8);
    }
    if (delta) {
      int[] both = Arrays.copyOf(current, current.length + count);
      System.arraycopy(found, 0, both, current.length, count);
      found = both;
    }
    current = found;
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
    return levels.size() - 1;
  }

  String[] domain() {
    return levels.toArray(new String[0]);
  }
}
