package hex.gan.rows;

import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import water.DKV;
import water.Futures;
import water.Iced;
import water.Key;
import water.fvec.Chunk;
import water.fvec.Frame;
import water.fvec.Vec;

/**
 * The columns of a frame that a model needs, found by name, with the frame's own levels.
 *
 * <p>A level that the model does not have is a level of its own, not a missing value.
 */
public final class FrameColumns extends Iced<FrameColumns> {
  private static final int SHOWN = 10;

  /** Kind of each column's values, by its number in Kind. */
  private final byte[] kinds;
  /** The levels that the frame has and the model has not, by column; null for none. */
  private final String[][] others;
  /** By column, the index of each level of the frame among those of the model and the others; null for the same. */
  private final int[][] levelOf;
  private final Key<Vec>[] keys;
  private transient Vec[] vecs;

  @SuppressWarnings({"unchecked", "rawtypes"})
  private FrameColumns(int columns) {
    keys = new Key[columns];
    kinds = new byte[columns];
    others = new String[columns][];
    levelOf = new int[columns][];
    vecs = new Vec[columns];
  }

  /**
   * Finds columns.
   *
   * @throws IllegalArgumentException the frame has no rows, or a column is not there or of another type
   */
  public static FrameColumns of(List<Column> columns, Frame frame) {
    if (frame.numRows() == 0) {
      throw new IllegalArgumentException("frame '" + frame._key + "' has no rows.");
    }
    summarise(columns, frame);
    FrameColumns found = new FrameColumns(columns.size());
    for (int i = 0; i < found.vecs.length; i++) {
      Column column = columns.get(i);
      Vec vec = frame.vec(column.name);
      if (vec == null) {
        throw new IllegalArgumentException("frame '" + frame._key + "' has no column '" + column.name + "'; it has "
            + listed(frame.names()) + ".");
      }
      found.add(i, column, vec);
    }
    return found;
  }

  /** Lets H2O compute the summaries of all numbers at the same time: they say which columns are whole. */
  private static void summarise(List<Column> columns, Frame frame) {
    Futures counted = new Futures();
    for (Column column : columns) {
      Vec vec = frame.vec(column.name);
      if (vec != null && vec.isNumeric()) {
        vec.startRollupStats(counted);
      }
    }
    counted.blockForPending();
  }

  /** Refuses columns that the model does not have. */
  public static void checkKnown(List<Column> columns, Frame frame) {
    Set<String> names = new LinkedHashSet<>();
    columns.forEach(column -> names.add(column.name));
    for (String name : frame.names()) {
      if (!names.contains(name)) {
        throw new IllegalArgumentException("frame: the model has no column '" + name + "'; it has "
            + listed(names.toArray(new String[0])) + ".");
      }
    }
  }

  /** Refuses numbers that are not whole where the model has only whole ones. */
  public void checkWhole(List<Column> columns) {
    for (int i = 0; i < kinds.length; i++) {
      Column column = columns.get(i);
      if (column.kind == Kind.INT && kinds[i] == Kind.REAL.ordinal()) {
        throw new IllegalArgumentException("column '" + column.name + "' has numbers that are not whole, but the model "
            + "was trained on whole numbers: round it.");
      }
    }
  }

  private static String listed(String[] names) {
    String shown = "'" + String.join("', '", Arrays.copyOf(names, Math.min(SHOWN, names.length))) + "'";
    return names.length > SHOWN ? shown + ", ... (" + names.length + " in all)" : shown;
  }

  private void add(int index, Column column, Vec vec) {
    Kind kind = kindOf(vec);
    boolean numeric = kind == Kind.INT || kind == Kind.REAL;
    boolean wanted = column.kind == Kind.INT || column.kind == Kind.REAL;
    if (kind != column.kind && !(numeric && wanted)) {
      throw new IllegalArgumentException("column '" + column.name + "' is " + kind.word()
          + " in the frame, but the model was trained on " + column.kind.word()
          + ": convert it, for instance with asfactor() or asnumeric().");
    }
    // Whole numbers of a real column are doubles to the model.
    kinds[index] = (byte) (column.kind == Kind.REAL ? Kind.REAL : kind).ordinal();
    vecs[index] = vec;
    keys[index] = vec._key;
    if (kind == Kind.ENUM) {
      matchLevels(index, column, vec.domain());
    }
  }

  /** H2O's type of a column, as its clients show it. */
  private static Kind kindOf(Vec vec) {
    if (vec.isUUID()) {
      return Kind.UUID;
    }
    if (vec.isString()) {
      return Kind.STRING;
    }
    if (vec.isCategorical()) {
      return Kind.ENUM;
    }
    if (vec.isTime()) {
      return Kind.TIME;
    }
    // H2O counts infinities as whole numbers.
    return vec.isInt() && vec.pinfs() + vec.ninfs() == 0 ? Kind.INT : Kind.REAL;
  }

  private void matchLevels(int index, Column column, String[] domain) {
    if (Arrays.asList(domain).equals(column.levels)) {
      return;
    }
    Map<String, Integer> known = new HashMap<>();
    for (int i = 0; i < column.levels.size(); i++) {
      known.put(column.levels.get(i), i);
    }
    List<String> more = new ArrayList<>();
    int[] found = new int[domain.length];
    for (int i = 0; i < found.length; i++) {
      Integer at = known.get(domain[i]);
      if (at == null) {
        at = column.levels.size() + more.size();
        more.add(domain[i]);
      }
      found[i] = at;
    }
    levelOf[index] = found;
    others[index] = more.isEmpty() ? null : more.toArray(new String[0]);
  }

  /** The columns in the order of the model's; only on the node that found them. */
  public Vec[] vecs() {
    return vecs;
  }

  /** The levels of a column: those of the model, then those that only the frame has. */
  public List<String> levels(int index, Column column) {
    if (others[index] == null) {
      return column.levels;
    }
    List<String> all = new ArrayList<>(column.levels);
    all.addAll(Arrays.asList(others[index]));
    return all;
  }

  /** The chunks of the columns, on any node. */
  Chunk[] chunks(int chunk) {
    Chunk[] found = new Chunk[keys.length];
    for (int i = 0; i < found.length; i++) {
      Vec vec = DKV.getGet(keys[i]);
      if (vec == null) {
        throw new IllegalArgumentException("the frame was removed while it was being read");
      }
      found[i] = vec.chunkForChunkIdx(chunk);
    }
    return found;
  }

  /** Readers of the columns, on any node. */
  ColumnReader[] readers(List<Column> columns) {
    ColumnReader[] readers = new ColumnReader[kinds.length];
    for (int i = 0; i < readers.length; i++) {
      readers[i] = new ColumnReader(Kind.values()[kinds[i]], levelOf[i], levels(i, columns.get(i)));
    }
    return readers;
  }
}
