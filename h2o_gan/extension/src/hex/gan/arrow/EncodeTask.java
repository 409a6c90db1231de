package hex.gan.arrow;

import water.fvec.Vec;

/** Encodes a record batch on the node that the rows live on. */
final class EncodeTask extends ColumnsTask<EncodeTask> {
  private final byte[] types;
  private final int chunk;
  private final int first;
  /** How many rows are wanted; afterwards, how many there are in the message: texts may be too long. */
  int rows;
  /** The record batch as one message; null until then. */
  byte[] message;

  /** @param types of the columns, by {@link #numbers} */
  EncodeTask(Columns columns, byte[] types, int chunk, int first, int rows) {
    super(columns);
    this.types = types;
    this.chunk = chunk;
    this.first = first;
    this.rows = rows;
  }

  /** Kinds as they travel. */
  static byte[] numbers(ColumnType[] types) {
    byte[] numbers = new byte[types.length];
    for (int i = 0; i < types.length; i++) {
      numbers[i] = (byte) types[i].ordinal();
    }
    return numbers;
  }

  @Override
  void run(Vec[] columns) {
    ColumnType[] all = ColumnType.values();
    ColumnType[] own = new ColumnType[types.length];
    for (int i = 0; i < own.length; i++) {
      own[i] = all[types[i]];
    }
    BatchEncoder encoder = new BatchEncoder(columns, own, chunk, first, rows);
    message = encoder.encode();
    rows = encoder.rows();
  }
}
