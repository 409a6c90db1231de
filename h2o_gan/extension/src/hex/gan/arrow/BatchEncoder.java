package hex.gan.arrow;

import hex.gan.core.io.Body;
import water.fvec.C8DChunk;
import water.fvec.CStrChunk;
import water.fvec.Chunk;
import water.fvec.Vec;
import water.parser.BufferedString;
import water.util.UnsafeUtils;

/** Encodes rows of one chunk of each column as a record batch. */
final class BatchEncoder {
  private final ColumnType[] types;
  private final Chunk[] chunks;
  private final int first;
  private final int rows;
  private final Body body;

  /**
   * @param chunk index of the chunk of each column
   * @param first index of the first row in the chunk
   * @param wanted number of rows; the batch has fewer where their strings are too long for one batch
   */
  BatchEncoder(Vec[] vecs, ColumnType[] types, int chunk, int first, int wanted) {
    this.types = types;
    this.first = first;
    chunks = new Chunk[vecs.length];
    long width = 0;
    for (int i = 0; i < chunks.length; i++) {
      chunks[i] = vecs[i].chunkForChunkIdx(chunk);
      if (chunks[i].len() < first + wanted) {
        throw new IllegalStateException("a chunk is shorter than its column says");
      }
      width += types[i].width;
    }
    rows = fitting(wanted);
    body = new Body(rows, chunks.length, rows * width + (rows < wanted ? Workers.PIECE_BYTES : texts(rows)));
  }

  /** Number of rows of the batch. */
  int rows() {
    return rows;
  }

  byte[] encode() {
    for (int i = 0; i < chunks.length; i++) {
      encode(chunks[i], types[i]);
    }
    return body.message();
  }

  /** A batch without rows. */
  static byte[] empty(ColumnType[] types) {
    Body body = new Body(0, types.length, 0);
    for (ColumnType type : types) {
      body.emptyBuffer();
      body.addBuffer(type == ColumnType.STRING ? 4 : 0);
      if (type == ColumnType.STRING) {
        body.emptyBuffer();
      }
      body.endColumn(0);
    }
    return body.message();
  }

  /** An upper bound of the bytes of strings in some rows, without reading them. */
  private long texts(int count) {
    long bytes = 0;
    for (int i = 0; i < chunks.length; i++) {
      if (types[i] == ColumnType.STRING) {
        bytes += chunks[i].byteSize() / Math.max(1, chunks[i].len()) * count + 4L * count;
      }
    }
    return bytes;
  }

  /** Number of rows whose strings fit into one batch; at least one. */
  private int fitting(int wanted) {
    long most = 0;
    for (int i = 0; i < chunks.length; i++) {
      most += types[i] == ColumnType.STRING ? chunks[i].byteSize() : 0;
    }
    if (most <= Workers.PIECE_BYTES) {
      return wanted;
    }
    BufferedString text = new BufferedString();
    long bytes = 0;
    for (int row = 0; row < wanted; row++) {
      for (int i = 0; i < chunks.length; i++) {
        if (types[i] == ColumnType.STRING && textual(chunks[i]) && chunks[i].atStr(text, first + row) != null) {
          bytes += text.length();
        }
      }
      if (bytes > Workers.PIECE_BYTES && row > 0) {
        return row;
      }
    }
    return wanted;
  }

  /** Whether a chunk has strings: an all-NA chunk of a string column is numeric. */
  private static boolean textual(Chunk chunk) {
    return chunk instanceof CStrChunk || chunk.chk2() != null;
  }

  private void encode(Chunk chunk, ColumnType type) {
    int validity = body.addBuffer((rows + 7) / 8);
    int nulls;
    switch (type) {
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
        nulls = narrow(chunk, validity, type.width);
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
    long least = -1L << (8 * width - 1);
    int values = body.addBuffer(width * rows);
    byte[] bytes = body.bytes();
    int nulls = 0;
    for (int i = 0; i < rows; i++) {
      if (chunk.isNA(first + i)) {
        nulls++;
        continue;
      }
      long wide = chunk.at8(first + i);
      if (wide < least || wide > -1 - least) {
        // The column is being written to: a truncated number would be wrong.
        throw new IllegalStateException("the frame was changed while it was read");
      }
      int value = (int) wide;
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
    // A separate loop for the most frequent class, which the compiler can optimise.
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
    boolean textual = textual(chunk);
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
