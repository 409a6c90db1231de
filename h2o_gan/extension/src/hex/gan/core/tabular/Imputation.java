package hex.gan.core.tabular;

import hex.gan.core.GanModel;
import hex.gan.core.Rows;
import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** Rows whose missing cells are filled; see {@link GanModel#imputation}. */
public final class Imputation implements Rows {
  private final TableModel model;
  private final long seed;
  private final Pool<RowMaker> makers;
  private final BooleanSupplier isCancelled;
  /** By column, the levels of rows in the order of the model's, with others at the end. */
  private final Merged[] merged;

  /** A list of levels, and the index of each among the model's levels and others. */
  private static final class Merged {
    final List<String> from;
    final List<String> to;
    final int[] indices;

    Merged(List<String> from, List<String> own) {
      this.from = from;
      Map<String, Integer> known = new LinkedHashMap<>();
      for (String level : own) {
        known.putIfAbsent(level, known.size());
      }
      boolean distinct = known.size() == own.size();
      indices = new int[from.size()];
      for (int i = 0; i < indices.length; i++) {
        Integer index = known.get(from.get(i));
        if (index == null) {
          index = known.size();
          known.put(from.get(i), index);
        }
        indices[i] = index;
      }
      to = distinct && known.size() == own.size()
          ? own : Arrays.asList(known.keySet().toArray(new String[0]));
    }
  }

  Imputation(TableModel model, long seed) {
    this.model = model;
    this.seed = seed;
    int[] order = model.order(new int[0]);
    makers = new Pool<>(() -> new RowMaker(model, order, 1));
    merged = new Merged[model.columns().size()];
    isCancelled = () -> false;
  }

  private Imputation(Imputation other, BooleanSupplier isCancelled) {
    model = other.model;
    seed = other.seed;
    makers = other.makers;
    merged = other.merged;
    this.isCancelled = isCancelled;
  }

  @Override
  public Rows cancellable(BooleanSupplier cancelled) {
    return new Imputation(this, cancelled);
  }

  @Override
  public Values[] block(long start, int rows, Values[] given, int attempt) {
    if (rows < 0 || rows > GanModel.BLOCK_ROWS) {
      throw new IllegalArgumentException("a block has up to " + GanModel.BLOCK_ROWS + " rows, not " + rows);
    }
    Values[] own = new Values[given.length];
    for (int column = 0; column < own.length; column++) {
      own[column] = given[column] == null ? null : withLevels(column, given[column]);
    }
    Conditions conditions = Conditions.ofGaps(model.encoder, model.layout, own, start, rows);
    RowMaker maker = makers.take();
    try {
      return maker.rows(conditions, start, rows, seed, attempt, Float.NaN, isCancelled);
    } finally {
      makers.give(maker);
    }
  }

  /** Values whose levels begin with those of the model. */
  private Values withLevels(int column, Values values) {
    Column own = model.columns().get(column);
    if (own.kind != Kind.ENUM || values.levels == own.levels) {
      return values;
    }
    Merged found = merged[column]; // Two threads may both make one, which are equal.
    if (found == null || found.from != values.levels) {
      found = new Merged(values.levels, own.levels);
      merged[column] = found;
    }
    long[] indices = new long[values.size()];
    for (int row = 0; row < indices.length; row++) {
      indices[row] = values.missing[row] ? 0 : found.indices[(int) values.whole[row]];
    }
    return Values.levels(indices, found.to, values.missing);
  }
}
