package hex.gan.arrow;

import water.fvec.Vec;

/** Encodes a record batch on the node that stores the rows. */
final class EncodeTask extends ColumnsTask<EncodeTask> {
  private final byte[] types;
  private final int chunk;
  private final int first;
  /** Number of rows asked for; afterwards the number in the message, fewer where strings are too long. */
  int rows;
  /** The encoded message; null before the task has run. */
  byte[] message;

  /** @param types types of the columns, as {@link #numbers} encodes them */
  EncodeTask(Columns columns, byte[] types, int chunk, int first, int rows) {
    super(columns);
    this.types = types;
    this.chunk = chunk;
    this.first = first;
    this.rows = rows;
  }

  /** Encodes types for sending. */
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
