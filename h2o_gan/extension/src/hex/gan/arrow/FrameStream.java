package hex.gan.arrow;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import water.H2O;
import water.H2ONode;
import water.RPC;
import water.fvec.Frame;
import water.fvec.Vec;

/**
 * A frame on its way out as an Arrow IPC stream.
 *
 * <p>Each chunk, or a part of it where rows are wide, is a record batch. A few of them are encoded at
 * the same time, on the nodes that hold them, and sent in the frame's order.
 */
public final class FrameStream {
  /** Bytes and values in a record batch at most, texts aside: memory stays bounded for wide frames. */
  private static final int BATCH_BYTES = 1 << 23;

  private static final int BATCH_VALUES = 1 << 22;

  private final Vec[] vecs;
  /** The column that says where a chunk's rows live; H2O's own list of chunks goes by it too. */
  private final Vec anchor;
  private final String[] names;
  private final Kind[] kinds;
  private final List<Piece> pieces = new ArrayList<>();

  private static final class Piece {
    final int chunk;
    final int first;
    final int rows;

    Piece(int chunk, int first, int rows) {
      this.chunk = chunk;
      this.first = first;
      this.rows = rows;
    }
  }

  /**
   * @param columns which columns, in the order wanted
   * @param offset the first row wanted
   * @param count how many rows are wanted, if the frame has so many
   * @param node only rows that live on this node; null for all
   * @param narrow whether integers may be sent in fewer bytes than eight
   */
  public FrameStream(Frame frame, int[] columns, long offset, long count, H2ONode node, boolean narrow) {
    anchor = frame.anyVec();
    vecs = new Vec[columns.length];
    names = new String[columns.length];
    kinds = new Kind[columns.length];
    for (int i = 0; i < columns.length; i++) {
      vecs[i] = frame.vec(columns[i]);
      names[i] = frame.name(columns[i]);
      kinds[i] = Kind.of(vecs[i], narrow);
    }
    if (columns.length > 0) {
      plan(offset, count > Long.MAX_VALUE - offset ? Long.MAX_VALUE : offset + count, node);
    }
  }

  private void plan(long from, long to, H2ONode node) {
    long width = 0;
    for (Kind kind : kinds) {
      width += kind.width == 0 ? 16 : kind.width;
    }
    long limit = Math.max(1, Math.min(BATCH_VALUES / vecs.length, BATCH_BYTES / width));
    long[] starts = anchor.espc();
    for (int chunk = 0; chunk + 1 < starts.length; chunk++) {
      long first = Math.max(from, starts[chunk]);
      long end = Math.min(to, starts[chunk + 1]);
      if (first >= end || node != null && node != home(chunk)) {
        continue;
      }
      // Parts of equal size: a last one of a few rows would not be worth its message.
      long parts = (end - first + limit - 1) / limit;
      for (long part = 0; part < parts; part++) {
        long begin = first + (end - first) * part / parts;
        long stop = first + (end - first) * (part + 1) / parts;
        pieces.add(new Piece(chunk, (int) (begin - starts[chunk]), (int) (stop - begin)));
      }
    }
  }

  private H2ONode home(int chunk) {
    return anchor.chunkKey(chunk).home_node();
  }

  /**
   * Sends everything, the end mark last.
   *
   * @throws IOException the receiver is gone, or a part of the frame is; no end mark was sent then
   */
  public void send(OutputStream out) throws IOException {
    Messages.sendSchema(out, names, kinds);
    for (int i = 0; i < vecs.length; i++) {
      if (kinds[i] == Kind.LEVELS) {
        Messages.sendLevels(out, i, vecs[i].domain());
      }
    }
    // Whoever waits for the columns should not have to wait for the rows.
    out.flush();
    ArrayDeque<Future<byte[]>> waiting = new ArrayDeque<>();
    try {
      int next = 0;
      while (next < pieces.size() || !waiting.isEmpty()) {
        while (next < pieces.size() && waiting.size() < Workers.WINDOW) {
          Piece piece = pieces.get(next++);
          waiting.add(Workers.POOL.submit(() -> encode(piece)));
        }
        out.write(waiting.remove().get());
      }
    } catch (InterruptedException e) {
      throw new InterruptedIOException();
    } catch (ExecutionException e) {
      throw new IOException("the frame was changed or removed while it was read", e.getCause());
    } finally {
      for (Future<byte[]> future : waiting) {
        future.cancel(true);
      }
    }
    Messages.sendEnd(out);
  }

  private byte[] encode(Piece piece) {
    H2ONode home = home(piece.chunk);
    if (home == H2O.SELF) {
      return BatchEncoder.encode(vecs, kinds, piece.chunk, piece.first, piece.rows);
    }
    EncodeTask task = new EncodeTask(vecs, kinds, piece.chunk, piece.first, piece.rows);
    return new RPC<>(home, task).call().get().message;
  }
}
