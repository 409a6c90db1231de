package hex.gan.arrow;

import water.fvec.Vec;

/** Encodes a record batch on the node that the rows live on. */
final class EncodeTask extends ColumnsTask<EncodeTask> {
  private final byte[] kinds;
  private final int chunk;
  private final int first;
  /** How many rows are wanted; afterwards, how many there are in the message: texts may be too long. */
  int rows;
  /** The record batch as one message; null until then. */
  byte[] message;

  /** @param kinds of the columns, by {@link #numbers} */
  EncodeTask(Columns columns, byte[] kinds, int chunk, int first, int rows) {
    super(columns);
    this.kinds = kinds;
    this.chunk = chunk;
    this.first = first;
    this.rows = rows;
  }

  /** Kinds as they travel. */
  static byte[] numbers(Kind[] kinds) {
    byte[] numbers = new byte[kinds.length];
    for (int i = 0; i < kinds.length; i++) {
      numbers[i] = (byte) kinds[i].ordinal();
    }
    return numbers;
  }

  @Override
  void run(Vec[] columns) {
    Kind[] all = Kind.values();
    Kind[] own = new Kind[kinds.length];
    for (int i = 0; i < own.length; i++) {
      own[i] = all[kinds[i]];
    }
    BatchEncoder encoder = new BatchEncoder(columns, own, chunk, first, rows);
    message = encoder.encode();
    rows = encoder.rows();
  }
}
