package hex.gan.arrow;

import water.fvec.C8DChunk;
import water.fvec.CStrChunk;
import water.fvec.Chunk;
import water.fvec.Vec;
import water.parser.BufferedString;
import water.util.UnsafeUtils;

/** Encodes rows of one chunk of each column as a record batch. */
final class BatchEncoder {
  private final int first;
  private final int rows;
  private final Body body;

  private BatchEncoder(int first, int rows, Body body) {
    this.first = first;
    this.rows = rows;
    this.body = body;
  }

  /**
   * @param chunk which chunk of each column
   * @param first the first row wanted, counted from the beginning of the chunk
   */
  static byte[] encode(Vec[] vecs, Kind[] kinds, int chunk, int first, int rows) {
    long expected = 0;
    for (Kind kind : kinds) {
      expected += (long) (kind.width == 0 ? 16 : kind.width) * rows;
    }
    Body body = new Body(rows, vecs.length, expected);
    BatchEncoder encoder = new BatchEncoder(first, rows, body);
    for (int i = 0; i < vecs.length; i++) {
      encoder.encode(vecs[i].chunkForChunkIdx(chunk), kinds[i]);
    }
    return body.message();
  }

  private void encode(Chunk chunk, Kind kind) {
    if (chunk.len() < first + rows) {
      throw new IllegalStateException("a chunk is shorter than its column says");
    }
    int validity = body.addBuffer((rows + 7) / 8);
    int nulls;
    switch (kind) {
      case FLOAT64:
        nulls = reals(chunk, validity);
        break;
      case LEVELS:
        nulls = narrow(chunk, validity, 4);
        break;
      case STRING:
        nulls = strings(chunk, validity);
        break;
      case UUID:
        nulls = uuids(chunk, validity);
        break;
      case INT64:
      case TIME:
        nulls = longs(chunk, validity);
        break;
      default:
        nulls = narrow(chunk, validity, kind.width);
    }
    body.endColumn(nulls);
  }

  private int longs(Chunk chunk, int validity) {
    int values = body.addBuffer(8 * rows);
    byte[] bytes = body.bytes();
    int nulls = 0;
    for (int i = 0; i < rows; i++) {
      if (chunk.isNA(first + i)) {
        nulls++;
      } else {
        UnsafeUtils.set8(bytes, values + 8 * i, chunk.at8(first + i));
        bytes[validity + (i >> 3)] |= (byte) (1 << (i & 7));
      }
    }
    return nulls;
  }

  private int narrow(Chunk chunk, int validity, int width) {
    int values = body.addBuffer(width * rows);
    byte[] bytes = body.bytes();
    int nulls = 0;
    for (int i = 0; i < rows; i++) {
      if (chunk.isNA(first + i)) {
        nulls++;
        continue;
      }
      int value = (int) chunk.at8(first + i);
      if (width == 1) {
        bytes[values + i] = (byte) value;
      } else if (width == 2) {
        UnsafeUtils.set2(bytes, values + 2 * i, (short) value);
      } else {
        UnsafeUtils.set4(bytes, values + 4 * i, value);
      }
      bytes[validity + (i >> 3)] |= (byte) (1 << (i & 7));
    }
    return nulls;
  }

  private int reals(Chunk chunk, int validity) {
    int values = body.addBuffer(8 * rows);
    byte[] bytes = body.bytes();
    int nulls = 0;
    // A loop of its own for the usual class: the values are in place, and the compiler sees which.
    if (chunk instanceof C8DChunk && chunk.chk2() == null) {
      C8DChunk doubles = (C8DChunk) chunk;
      for (int i = 0; i < rows; i++) {
        double value = doubles.get8D(first + i);
        UnsafeUtils.set8d(bytes, values + 8 * i, value);
        if (value != value) {
          nulls++;
        } else {
          bytes[validity + (i >> 3)] |= (byte) (1 << (i & 7));
        }
      }
      return nulls;
    }
    for (int i = 0; i < rows; i++) {
      double value = chunk.atd(first + i);
      UnsafeUtils.set8d(bytes, values + 8 * i, value);
      if (value != value) {
        nulls++;
      } else {
        bytes[validity + (i >> 3)] |= (byte) (1 << (i & 7));
      }
    }
    return nulls;
  }

  private int strings(Chunk chunk, int validity) {
    int offsets = body.addBuffer(4 * (rows + 1));
    BufferedString text = new BufferedString();
    byte[] bytes = body.bytes();
    int nulls = 0;
    long size = 0;
    // All-NA chunks of text are numeric ones, which have no texts to ask for.
    boolean textual = chunk instanceof CStrChunk || chunk.chk2() != null;
    for (int i = 0; i < rows; i++) {
      if (textual && chunk.atStr(text, first + i) != null) {
        size += text.length();
        bytes[validity + (i >> 3)] |= (byte) (1 << (i & 7));
      } else {
        nulls++;
      }
      if (size > Integer.MAX_VALUE - 8) {
        throw new IllegalStateException("a chunk holds more than 2 GB of text");
      }
      UnsafeUtils.set4(bytes, offsets + 4 * (i + 1), (int) size);
    }
    int next = body.addBuffer((int) size);
    bytes = body.bytes();
    for (int i = 0; textual && i < rows; i++) {
      if (chunk.atStr(text, first + i) != null) {
        System.arraycopy(text.getBuffer(), text.getOffset(), bytes, next, text.length());
        next += text.length();
      }
    }
    return nulls;
  }

  private int uuids(Chunk chunk, int validity) {
    int values = body.addBuffer(16 * rows);
    byte[] bytes = body.bytes();
    int nulls = 0;
    for (int i = 0; i < rows; i++) {
      if (chunk.isNA(first + i)) {
        nulls++;
      } else {
        // What H2O calls the low half is printed first.
        UnsafeUtils.set8(bytes, values + 16 * i, Long.reverseBytes(chunk.at16l(first + i)));
        UnsafeUtils.set8(bytes, values + 16 * i + 8, Long.reverseBytes(chunk.at16h(first + i)));
        bytes[validity + (i >> 3)] |= (byte) (1 << (i & 7));
      }
    }
    return nulls;
  }
}
