package hex.gan.core.tabular;

import hex.gan.core.GanModel;
import hex.gan.core.Rows;
import hex.gan.core.data.Values;
import hex.gan.core.math.KeyedStream;
import hex.gan.core.math.SplitMix64;
import java.util.function.BooleanSupplier;

/** The rows of a sample; see {@link GanModel#sample}. */
public final class Sample implements Rows {
  private static final int PILOT_ROWS = 1024;
  private static final long PILOT = 0x50494c4f54L;

  private final TableModel model;
  private final Conditions conditions;
  private final long seed;
  private final float temperature;
  /** The log weight from which a row is always accepted; NaN where one of several candidates is taken. */
  private final float ceiling;
  private final Pool<RowMaker> makers;
  private final BooleanSupplier isCancelled;

  Sample(TableModel model, Conditions conditions, long seed, float temperature) {
    this.model = model;
    this.conditions = conditions;
    this.seed = seed;
    this.temperature = temperature;
    int[] order = model.order(conditions.first);
    makers = new Pool<>(() -> new RowMaker(model, order, temperature));
    isCancelled = () -> false;
    ceiling = ceiling();
  }

  private Sample(Sample other, BooleanSupplier isCancelled) {
    model = other.model;
    conditions = other.conditions;
    seed = other.seed;
    temperature = other.temperature;
    ceiling = other.ceiling;
    makers = other.makers;
    this.isCancelled = isCancelled;
  }

  @Override
  public Rows cancellable(BooleanSupplier cancelled) {
    return new Sample(this, cancelled);
  }

  private float ceiling() {
    if (temperature != 1 || conditions.isEmpty() && model.critic == null) {
      return 0;
    }
    if (conditions.byRow()) {
      return Float.NaN;
    }
    if (conditions.isEmpty()) {
      return model.critic.clip;
    }
    RowMaker maker = makers.take();
    try {
      return maker.pilot(conditions, KeyedStream.key(SplitMix64.mix(seed), PILOT), PILOT_ROWS);
    } finally {
      makers.give(maker);
    }
  }

  @Override
  public Values[] block(long start, int rows, Values[] given, int attempt) {
    if (given != null) {
      throw new IllegalArgumentException("a sample has no given rows");
    }
    if (start < 0 || rows < 0 || rows > GanModel.BLOCK_ROWS) {
      throw new IllegalArgumentException("a block has up to " + GanModel.BLOCK_ROWS + " rows, not " + rows);
    }
    RowMaker maker = makers.take();
    try {
      return maker.rows(conditions, start, rows, seed, attempt, ceiling, isCancelled);
    } finally {
      makers.give(maker);
    }
  }
}
