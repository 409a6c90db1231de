package hex.gan.arrow;

import water.H2O;
import water.H2ONode;
import water.fvec.Chunk;
import water.fvec.Vec;

/** Splits the rows of a frame into record batches: chunks, or parts of large chunks. */
final class Pieces {
  /** Most values in a record batch, which bounds memory for wide frames. */
  private static final int VALUES = 1 << 22;

  /** Assumed bytes of a string where nothing is known. */
  private static final int TEXT = 16;

  /** Consecutive rows of one chunk. */
  static final class Piece {
    final int chunk;
    final int first;
    final int rows;
    final H2ONode home;

    Piece(int chunk, int first, int rows, H2ONode home) {
      this.chunk = chunk;
      this.first = first;
      this.rows = rows;
      this.home = home;
    }

    /** The rest after so many rows. */
    Piece after(int done) {
      return new Piece(chunk, first + done, rows - done, home);
    }
  }

  private final Vec[] vecs;
  private final ColumnType[] types;
  /** The column whose chunks decide on which node rows are, as in H2O. */
  private final Vec anchor;
  private final long[] starts;
  private final long from;
  private final long to;
  private final H2ONode node;
  private final long width;

  private int chunk = -1;
  private long part;
  private long parts;

  /**
   * @param from index of the first row
   * @param to index after the last row
   * @param node the node whose rows to use; null for all
   */
  Pieces(Vec anchor, Vec[] vecs, ColumnType[] types, long from, long to, H2ONode node) {
    this.anchor = anchor;
    this.vecs = vecs;
    this.types = types;
    this.from = from;
    this.to = to;
    this.node = node;
    starts = anchor.espc();
    long bytes = 0;
    for (ColumnType type : types) {
      bytes += type.width;
    }
    width = bytes;
  }

  /** The next piece; null at the end. */
  Piece next() {
    while (part == parts) {
      if (++chunk + 1 >= starts.length) {
        chunk--;
        return null;
      }
      part = 0;
      parts = wanted() ? (end() - first() - 1) / limit() + 1 : 0;
    }
    // Parts of equal size, to avoid a small last one.
    long begin = first() + (end() - first()) * part / parts;
    long stop = first() + (end() - first()) * ++part / parts;
    return new Piece(chunk, (int) (begin - starts[chunk]), (int) (stop - begin), home());
  }

  private long first() {
    return Math.max(from, starts[chunk]);
  }

  private long end() {
    return Math.min(to, starts[chunk + 1]);
  }

  private H2ONode home() {
    return anchor.chunkKey(chunk).home_node();
  }

  private boolean wanted() {
    return first() < end() && (node == null || node == home());
  }

  /** Number of rows of the current chunk in one piece. */
  private long limit() {
    return Math.max(1, Math.min(VALUES / vecs.length, Workers.PIECE_BYTES / (width + texts())));
  }

  /** Bytes of the strings of one row; an assumption where the chunk is on another node. */
  private long texts() {
    long bytes = 0;
    for (int i = 0; i < vecs.length; i++) {
      if (types[i] == ColumnType.STRING) {
        bytes += home() == H2O.SELF ? meanText(vecs[i].chunkForChunkIdx(chunk)) : TEXT;
      }
    }
    return bytes;
  }

  private static long meanText(Chunk texts) {
    return texts.byteSize() / Math.max(1, texts.len()) + 4;
  }
}
