package hex.gan.arrow;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import water.DKV;
import water.Futures;
import water.Key;
import water.fvec.Chunk;
import water.fvec.Vec;

/** Makes the chunks of a frame in parallel and stores them in the cluster. */
final class ChunkStore implements AutoCloseable {
  private final Incoming[] columns;
  private final Key<Vec>[] vecs;
  private final Room room;
  private final StreamReader reader;
  /** First row of each chunk, and the number of rows at the end. */
  private final List<Long> starts = new ArrayList<>();

  private final AtomicLong stored = new AtomicLong();
  private final ArrayDeque<Work> working = new ArrayDeque<>();

  private static final class Work {
    final Future<?> task;
    /** Bytes of the stream to release afterwards. */
    final long bytes;
    /** Whether it runs in parallel to others. */
    final boolean extra;

    Work(Future<?> task, long bytes, boolean extra) {
      this.task = task;
      this.bytes = bytes;
      this.extra = extra;
    }
  }

  ChunkStore(Incoming[] columns, Key<Vec>[] vecs, Room room, StreamReader reader) {
    this.columns = columns;
    this.vecs = vecs;
    this.room = room;
    this.reader = reader;
    starts.add(0L);
  }

  int count() {
    return starts.size() - 1;
  }

  long[] layout() {
    return starts.stream().mapToLong(Long::longValue).toArray();
  }

  /** Reserves memory for another part of the frame. */
  void expect(long bytes) throws Room.FullException {
    room.check(stored.addAndGet(bytes));
  }

  /**
   * Starts to make the next chunk of each column.
   *
   * @param bytes bytes of the stream to release when this and all earlier chunks are made
   */
  void add(List<Incoming.Slice>[] slices, int rows, long bytes)
      throws ArrowException, IOException, Room.FullException {
    room.check(stored.get());
    while (working.size() >= Workers.WINDOW) {
      awaitFirst();
    }
    while (!working.isEmpty() && !Workers.EXTRA.tryAcquire()) {
      awaitFirst();
    }
    boolean extra = !working.isEmpty();
    int index = count();
    starts.add(starts.get(index) + rows);
    boolean added = false;
    try {
      working.add(new Work(Workers.POOL.submit(() -> make(slices, rows, index)), bytes, extra));
      added = true;
    } finally {
      if (extra && !added) {
        Workers.EXTRA.release();
      }
    }
  }

  private Void make(List<Incoming.Slice>[] slices, int rows, int index) throws ArrowException {
    Futures puts = new Futures();
    for (int i = 0; i < columns.length; i++) {
      Chunk chunk = columns[i].chunk(slices[i], rows);
      stored.addAndGet(chunk.byteSize() + Allowance.ENTRY);
      DKV.put(Vec.chunkKey(vecs[i], index), chunk, puts, true);
    }
    puts.blockForPending();
    return null;
  }

  /** Waits until all chunks are stored. */
  void finish() throws ArrowException, IOException {
    while (!working.isEmpty()) {
      awaitFirst();
    }
  }

  private void awaitFirst() throws ArrowException, IOException {
    Work work = working.peek();
    try {
      work.task.get();
    } catch (InterruptedException e) {
      throw new InterruptedIOException();
    } catch (ExecutionException e) {
      rethrow(e.getCause());
    }
    end(working.remove());
  }

  private void end(Work work) {
    reader.give(work.bytes);
    if (work.extra) {
      Workers.EXTRA.release();
    }
  }

  private static void rethrow(Throwable cause) throws ArrowException {
    if (cause instanceof ArrowException) {
      throw (ArrowException) cause;
    }
    if (cause instanceof IndexOutOfBoundsException) {
      throw (IndexOutOfBoundsException) cause;
    }
    if (cause instanceof Error) {
      throw (Error) cause;
    }
    throw new IllegalStateException(cause);
  }

  /** Waits for running work without interrupting it: no chunk may be stored after the removal. */
  @Override
  public void close() {
    while (!working.isEmpty()) {
      Work work = working.remove();
      try {
        work.task.get();
      } catch (InterruptedException | ExecutionException e) {
        // The first error is reported.
      }
      end(work);
    }
  }

  /** Removes all chunks from the cluster. */
  void remove() {
    Futures removed = new Futures();
    for (Key<Vec> vec : vecs) {
      for (int chunk = 0; chunk < count(); chunk++) {
        DKV.remove(Vec.chunkKey(vec, chunk), removed);
      }
      DKV.remove(vec, removed);
    }
    removed.blockForPending();
  }
}
