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
 * Encodes a record batch on the node that the rows live on.
 *
 * <p>It comes in by one of the few threads that serve H2O's own short requests, whatever jobs keep all
 * others busy, and is done by this package's threads.
 */
final class EncodeTask extends DTask<EncodeTask> {
  @SuppressWarnings("rawtypes")
  private final Key[] keys;
  private final byte[] kinds;
  private final int chunk;
  private final int first;
  /** How many rows are wanted; afterwards, how many there are in the message: texts may be too long. */
  int rows;
  /** The record batch as one message; null until then. */
  byte[] message;

  private transient Vec[] vecs;
  private transient Kind[] local;

  EncodeTask(Columns columns, int chunk, int first, int rows) {
    super(H2O.GUI_PRIORITY);
    keys = columns.keys;
    kinds = columns.codes;
    vecs = columns.vecs;
    local = columns.kinds;
    this.chunk = chunk;
    this.first = first;
    this.rows = rows;
  }

  /** The columns of a stream, in both forms that its tasks need. */
  static final class Columns {
    final Vec[] vecs;
    final Kind[] kinds;
    @SuppressWarnings("rawtypes")
    final Key[] keys;
    final byte[] codes;

    @SuppressWarnings("rawtypes")
    Columns(Vec[] vecs, Kind[] kinds) {
      this.vecs = vecs;
      this.kinds = kinds;
      keys = new Key[vecs.length];
      codes = new byte[vecs.length];
      for (int i = 0; i < vecs.length; i++) {
        keys[i] = vecs[i]._key;
        codes[i] = (byte) kinds[i].ordinal();
      }
    }
  }

  /** Starts it. Nothing waits in this package's threads: those of two nodes could wait for each other. */
  Future<EncodeTask> start(H2ONode home) {
    if (home == H2O.SELF) {
      return Workers.POOL.submit(this::encode, this);
    }
    return new RPC<>(home, this).call();
  }

  @Override
  public void compute2() {
    Workers.POOL.execute(() -> {
      try {
        encode();
      } catch (Throwable e) { // Whoever waits for the answer must hear of it.
        completeExceptionally(e);
        return;
      }
      tryComplete();
    });
  }

  private void encode() {
    if (vecs == null) {
      find();
    }
    BatchEncoder encoder = new BatchEncoder(vecs, local, chunk, first, rows);
    message = encoder.encode();
    rows = encoder.rows();
  }

  private void find() {
    Kind[] all = Kind.values();
    vecs = new Vec[keys.length];
    local = new Kind[keys.length];
    for (int i = 0; i < vecs.length; i++) {
      vecs[i] = DKV.getGet(keys[i]);
      local[i] = all[kinds[i]];
    }
  }
}
