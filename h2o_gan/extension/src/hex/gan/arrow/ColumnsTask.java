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
 * Something to do with some columns on the node that their rows live on.
 *
 * <p>It comes in by one of the few threads that serve H2O's own short requests, whatever jobs keep all
 * others busy, and is done by this package's threads. H2O's own way over all nodes, MRTask, is not taken:
 * with a frame, it asks after every column's summary when it ends, one after the other.
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

  /** Columns in both forms that their tasks need. */
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

  /** Does it, here. */
  abstract void run(Vec[] columns);

  /** Starts it. Nothing waits in this package's threads: those of two nodes could wait for each other. */
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
      } catch (Throwable e) { // Whoever waits for the answer must hear of it.
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
    keys = null; // They need not travel back.
  }
}
