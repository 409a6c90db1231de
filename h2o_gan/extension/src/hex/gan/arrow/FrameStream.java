package hex.gan.arrow;

import hex.gan.core.io.ArrowMessages;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import water.H2ONode;
import water.fvec.Frame;
import water.fvec.Vec;

/**
 * Sends a frame as an Arrow IPC stream.
 *
 * <p>Each chunk, or a part of it where rows are wide, is a record batch. The nodes that store the chunks encode
 * some of them in parallel; they are sent in the order of the frame.
 */
public final class FrameStream {
  private final Vec[] vecs;
  private final String[] names;
  private final ColumnType[] types;
  private final boolean levels;
  private final ColumnsTask.Columns forTasks;
  private final byte[] kindNumbers;
  /** The rows; null where none are asked for. */
  private final Pieces pieces;

  private static final class Waiting {
    final Pieces.Piece piece;
    final Future<EncodeTask> task;
    /** Whether it runs in parallel to others. */
    final boolean extra;

    Waiting(Pieces.Piece piece, Future<EncodeTask> task, boolean extra) {
      this.piece = piece;
      this.task = task;
      this.extra = extra;
    }
  }

  /**
   * @param columns indices of the columns, in the order to send
   * @param offset index of the first row
   * @param count most rows to send
   * @param node the node whose rows to send; null for all
   * @param narrow whether integers may be sent in fewer bytes than eight
   * @param levels whether the levels of enums are sent; without, their dictionaries are empty
   */
  public FrameStream(
      Frame frame, int[] columns, long offset, long count, H2ONode node, boolean narrow, boolean levels)
      throws IOException {
    this.levels = levels;
    vecs = new Vec[columns.length];
    names = new String[columns.length];
    types = new ColumnType[columns.length];
    Vec[] all = frame.vecs();
    for (int i = 0; i < columns.length; i++) {
      vecs[i] = all[columns[i]];
      names[i] = frame.name(columns[i]);
    }
    Ranges ranges = new Ranges(vecs, all.length == 0 ? null : all[0]);
    for (int i = 0; i < columns.length; i++) {
      types[i] = ranges.type(i, narrow);
    }
    forTasks = new ColumnsTask.Columns(vecs);
    kindNumbers = EncodeTask.numbers(types);
    long end = count > Long.MAX_VALUE - offset ? Long.MAX_VALUE : offset + count;
    pieces = columns.length == 0 || count == 0 ? null : new Pieces(all[0], vecs, types, offset, end, node);
  }

  /**
   * Sends the schema, the dictionaries, the record batches and the end mark.
   *
   * @throws IOException the client has closed the connection, or a part of the frame was removed; no end mark was sent
   */
  public void send(OutputStream out) throws IOException {
    Messages.sendSchema(out, names, types);
    for (int i = 0; i < vecs.length; i++) {
      if (types[i] == ColumnType.LEVELS) {
        ArrowMessages.sendLevels(out, i, Arrays.asList(levels ? vecs[i].domain() : new String[0]));
      }
    }
    if (pieces == null) {
      // Readers return levels only with a batch.
      out.write(BatchEncoder.empty(types));
    }
    // A reader can use the columns before the first rows come.
    out.flush();
    if (pieces != null) {
      sendRows(out);
    }
    ArrowMessages.sendEnd(out);
  }

  private void sendRows(OutputStream out) throws IOException {
    ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    try {
      fill(waiting);
      while (!waiting.isEmpty()) {
        Waiting next = waiting.remove();
        EncodeTask done;
        try {
          done = next.task.get();
        } finally {
          release(next);
        }
        if (done == null) {
          throw new IOException("a node of the cluster is gone");
        }
        if (done.rows < next.piece.rows) {
          waiting.addFirst(begun(next.piece.after(done.rows), false));
        }
        out.write(done.message);
        fill(waiting);
      }
    } catch (InterruptedException e) {
      throw new InterruptedIOException();
    } catch (ExecutionException | RuntimeException e) {
      throw new IOException("the frame was changed or removed while it was read", e);
    } finally {
      for (Waiting left : waiting) {
        // Not interrupted: that would close a channel of H2O which the task may be using.
        left.task.cancel(false);
        release(left);
      }
    }
  }

  /** Starts as many pieces as fit into memory, but at least one. */
  private void fill(ArrayDeque<Waiting> waiting) {
    while (waiting.size() < Workers.WINDOW) {
      boolean extra = !waiting.isEmpty();
      if (extra && !Workers.EXTRA.tryAcquire()) {
        return;
      }
      boolean added = false;
      try {
        Pieces.Piece piece = pieces.next();
        if (piece == null) {
          return;
        }
        waiting.add(begun(piece, extra));
        added = true;
      } finally {
        if (extra && !added) {
          Workers.EXTRA.release();
        }
      }
    }
  }

  private Waiting begun(Pieces.Piece piece, boolean extra) {
    EncodeTask task = new EncodeTask(forTasks, kindNumbers, piece.chunk, piece.first, piece.rows);
    return new Waiting(piece, task.start(piece.home), extra);
  }

  private static void release(Waiting waiting) {
    if (waiting.extra) {
      Workers.EXTRA.release();
    }
  }
}
