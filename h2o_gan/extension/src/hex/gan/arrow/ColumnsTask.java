package hex.gan.arrow;

import java.util.concurrent.Future;
import water.DKV;
import water.DTask;
import water.H2O;
import water.H2ONode;
import water.Key;
import water.RPC;
import water.fvec.Vec;

/**
 * Work on some columns that runs on the node that stores their rows.
 *
 * <p>A thread for H2O's short requests receives it, even while jobs keep all other threads busy, and the threads
 * of this package run it. H2O's MRTask is not used: for a frame, it computes the summary of every column at its
 * end, one after the other.
 */
abstract class ColumnsTask<T extends ColumnsTask<T>> extends DTask<T> {
  @SuppressWarnings("rawtypes")
  private Key[] keys;

  private transient Vec[] vecs;

  ColumnsTask(Columns columns) {
    super(H2O.GUI_PRIORITY);
    keys = columns.keys;
    vecs = columns.vecs;
  }

  /** The columns, in the two forms that subclasses need. */
  static final class Columns {
    final Vec[] vecs;
    @SuppressWarnings("rawtypes")
    final Key[] keys;

    @SuppressWarnings("rawtypes")
    Columns(Vec[] vecs) {
      this.vecs = vecs;
      keys = new Key[vecs.length];
      for (int i = 0; i < vecs.length; i++) {
        keys[i] = vecs[i]._key;
      }
    }
  }

  /** Does the work on this node. */
  abstract void run(Vec[] columns);

  /** Starts the work. Threads of this package must not wait: those of two nodes could wait for each other. */
  @SuppressWarnings("unchecked")
  final Future<T> start(H2ONode home) {
    T self = (T) this;
    if (home == H2O.SELF) {
      return Workers.POOL.submit(() -> run(vecs), self);
    }
    return new RPC<>(home, self).call();
  }

  @Override
  public final void compute2() {
    Workers.POOL.execute(() -> {
      try {
        find();
        run(vecs);
      } catch (Throwable e) { // The caller waits for an answer and must get the error.
        completeExceptionally(e);
        return;
      }
      tryComplete();
    });
  }

  private void find() {
    for (Key<?> key : keys) {
      DKV.prefetch(key);
    }
    vecs = new Vec[keys.length];
    for (int i = 0; i < vecs.length; i++) {
      vecs[i] = DKV.getGet(keys[i]);
    }
    keys = null; // Not needed in the answer.
  }
}
