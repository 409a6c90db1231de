package hex.gan.core.codecs;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;

/**
 * A column of whole numbers that identify rows: samples continue after the largest.
 *
 * <p>Mirrors SequenceCodec of h2o_gan/engine/data/codecs/sequence.py.
 */
public final class SequenceCodec extends GeneratedCodec {
  private static final long LARGEST = 1L << 53;

  private final Column column;
  private final long first;
  private final long step;

  private SequenceCodec(Column column, long first, long step) {
    super(column);
    this.column = column;
    this.first = first;
    this.step = step;
  }

  public static SequenceCodec restore(Json item) throws DamagedException {
    Column column = Column.restore(item.get("column"));
    long first = item.get("first").whole(-LARGEST, LARGEST);
    long step = item.get("step").whole(1, LARGEST);
    if (column.kind != Kind.INT) {
      throw column.wrong("is not a column of whole numbers");
    }
    return new SequenceCodec(column, first, step);
  }

  /**
   * The numbers of rows.
   *
   * @throws IllegalArgumentException they exceed 64 bits
   */
  @Override
  public Values generate(long start, int rows, long seed) {
    long[] numbers = new long[rows];
    try {
      for (int i = 0; i < rows; i++) {
        numbers[i] = Math.addExact(first, Math.multiplyExact(start + i, step));
      }
    } catch (ArithmeticException error) {
      throw new IllegalArgumentException(
          "column " + Messages.quoted(column.name) + ": the numbers from row " + start + " on exceed 64 bits");
    }
    return Values.whole(Kind.INT, numbers, new boolean[rows]);
  }

  @Override
  public void checkCondition(String name, Condition wanted) {
    throw new IllegalArgumentException("conditions: column " + Messages.quoted(name)
        + " identifies rows, and samples get new values: leave the condition out.");
  }
}
