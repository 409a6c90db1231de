package hex.gan.core.rules;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * {@code city, country}: only combinations of the training data occur, and never others; mirrors
 * h2o_gan/engine/data/relations/combinations.py.
 *
 * <p>A missing value is a value like any other.
 */
public final class FixedCombinations extends Rule {
  /** Most combinations that a rule holds. */
  static final int MAX_COMBINATIONS = 1 << 16;

  /** Largest double that is a long. */
  private static final double LARGEST = 0x1.fffffffffffffp62;
  /** Stands for a missing value in hashes. */
  private static final long ABSENT = 0x7ff8_dead_0000_0001L;

  private final Column[] parts;
  /** (columns, combinations) bits of reals, whole numbers or indices of levels. */
  private final long[][] numbers;
  /** (columns, combinations) */
  private final boolean[][] missing;
  /** Index of each level, by column; null for columns without levels. */
  private final List<Map<String, Integer>> levels;
  /** Open hash table: 1 more than the index of a combination, 0 for none. */
  private final int[] slots;

  private FixedCombinations(
      String text, int[] columns, Column[] parts, long[][] numbers, boolean[][] missing,
      List<Map<String, Integer>> levels) {
    super(text, columns);
    this.parts = parts;
    this.numbers = numbers;
    this.missing = missing;
    this.levels = levels;
    int count = missing[0].length;
    slots = new int[Hashing.slots(count)];
    long[] hashes = new long[count];
    for (int part = 0; part < numbers.length; part++) {
      addHashes(hashes, numbers[part], missing[part]);
    }
    for (int i = 0; i < count; i++) {
      int at = (int) hashes[i] & (slots.length - 1);
      while (slots[at] != 0 && !isSame(slots[at] - 1, numbers, missing, i)) {
        at = (at + 1) & (slots.length - 1);
      }
      slots[at] = i + 1;
    }
  }

  static FixedCombinations restore(String text, Json data, ColumnIndex table, NamedArrays arrays)
      throws DamagedException {
    int[] columns = namedColumns(data, table, 2);
    Set<String> names = new HashSet<>();
    names.add("missing");
    for (int i = 0; i < columns.length; i++) {
      names.add("numbers_" + i);
    }
    if (!arrays.names().equals(names)) {
      throw new DamagedException("arrays of fixed combinations are missing");
    }
    boolean[][] missing = arrays.flags("missing");
    int count = missing.length == 0 ? 0 : missing[0].length;
    if (missing.length != columns.length || count < 1 || count > MAX_COMBINATIONS) {
      throw new DamagedException("the arrays of fixed combinations do not match");
    }
    Column[] parts = new Column[columns.length];
    long[][] numbers = new long[columns.length][];
    List<Map<String, Integer>> levels = new ArrayList<>();
    for (int i = 0; i < columns.length; i++) {
      parts[i] = table.columns.get(columns[i]);
      numbers[i] = numbers(parts[i], "numbers_" + i, arrays);
      if (numbers[i].length != count) {
        throw invalid(parts[i]);
      }
      levels.add(parts[i].kind == Kind.ENUM ? table.levels(columns[i]) : null);
    }
    return new FixedCombinations(text, columns, parts, numbers, missing, levels);
  }

  private static long[] numbers(Column part, String name, NamedArrays arrays) throws DamagedException {
    if (part.kind == Kind.REAL) {
      double[] real = arrays.doubles(name);
      long[] bits = new long[real.length];
      for (int i = 0; i < bits.length; i++) {
        if (Double.isNaN(real[i])) {
          throw invalid(part);
        }
        bits[i] = Hashing.bits(real[i]);
      }
      return bits;
    }
    if (part.kind == Kind.STRING || part.kind == Kind.UUID) {
      throw invalid(part);
    }
    long[] whole = arrays.longs(name);
    long end = Math.max(part.levels.size(), 1);
    for (long number : whole) {
      if (part.kind == Kind.ENUM && (number < 0 || number >= end)) {
        throw invalid(part);
      }
    }
    return whole;
  }

  private static DamagedException invalid(Column part) {
    String name = part.name.length() > 50 ? part.name.substring(0, 50) : part.name;
    return new DamagedException("the combinations of column '" + name + "' are invalid");
  }

  private static void addHashes(long[] hashes, long[] numbers, boolean[] missing) {
    for (int i = 0; i < hashes.length; i++) {
      hashes[i] = Hashing.combined(hashes[i], missing[i] ? ABSENT : numbers[i]);
    }
  }

  /** Whether a combination of the rule is that in a row of others. */
  private boolean isSame(int combination, long[][] others, boolean[][] absent, int row) {
    for (int part = 0; part < numbers.length; part++) {
      boolean gap = missing[part][combination];
      if (gap != absent[part][row] || (!gap && numbers[part][combination] != others[part][row])) {
        return false;
      }
    }
    return true;
  }

  /** Where rows have a combination that the rule does not hold, (rows,). */
  @Override
  public boolean[] broken(Values[] values) {
    int rows = values[columns[0]].size();
    long[][] own = new long[parts.length][];
    boolean[][] absent = new boolean[parts.length][];
    long[] hashes = new long[rows];
    for (int part = 0; part < parts.length; part++) {
      Values of = values[columns[part]];
      absent[part] = of.absent();
      own[part] = bits(part, of, absent[part]);
      addHashes(hashes, own[part], absent[part]);
    }
    boolean[] broken = new boolean[rows];
    for (int row = 0; row < rows; row++) {
      int at = (int) hashes[row] & (slots.length - 1);
      while (slots[at] != 0 && !isSame(slots[at] - 1, own, absent, row)) {
        at = (at + 1) & (slots.length - 1);
      }
      broken[row] = slots[at] == 0;
    }
    return broken;
  }

  /** Values as the rule holds them; an index that is none for a level that the column does not have. */
  private long[] bits(int part, Values of, boolean[] absent) {
    Kind kind = parts[part].kind;
    if (kind.isWhole() && of.real == null || kind == Kind.ENUM && of.levels == parts[part].levels) {
      return of.whole;
    }
    long[] bits = new long[absent.length];
    for (int row = 0; row < bits.length; row++) {
      if (absent[row]) {
        continue;
      }
      if (kind == Kind.ENUM) {
        Integer level = levels.get(part).get(of.label(row));
        bits[row] = level == null ? -1 : level;
      } else if (kind == Kind.REAL) {
        bits[row] = Hashing.bits(of.number(row));
      } else { // H2O makes reals of whole numbers beside fractions
        bits[row] = (long) Math.max(-LARGEST, Math.min(LARGEST, Math.rint(of.real[row])));
      }
    }
    return bits;
  }
}
