package hex.gan.arrow;

import water.DKV;
import water.DTask;
import water.Key;
import water.fvec.Vec;

/** Encodes a record batch on the node that the rows live on. */
final class EncodeTask extends DTask<EncodeTask> {
  @SuppressWarnings("rawtypes")
  private final Key[] vecs;
  private final byte[] kinds;
  private final int chunk;
  private final int first;
  private final int rows;
  /** The record batch as one message; null until then. */
  byte[] message;

  @SuppressWarnings("rawtypes")
  EncodeTask(Vec[] vecs, Kind[] kinds, int chunk, int first, int rows) {
    this.vecs = new Key[vecs.length];
    this.kinds = new byte[vecs.length];
    for (int i = 0; i < vecs.length; i++) {
      this.vecs[i] = vecs[i]._key;
      this.kinds[i] = (byte) kinds[i].ordinal();
    }
    this.chunk = chunk;
    this.first = first;
    this.rows = rows;
  }

  @Override
  public void compute2() {
    Vec[] local = new Vec[vecs.length];
    Kind[] all = Kind.values();
    Kind[] wanted = new Kind[vecs.length];
    for (int i = 0; i < local.length; i++) {
      local[i] = DKV.getGet(vecs[i]);
      wanted[i] = all[kinds[i]];
    }
    message = BatchEncoder.encode(local, wanted, chunk, first, rows);
    tryComplete();
  }
}
