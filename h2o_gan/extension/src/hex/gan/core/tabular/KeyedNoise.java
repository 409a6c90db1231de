package hex.gan.core.tabular;

import hex.gan.core.math.KeyedStream;
import hex.gan.core.math.Normal;

/** Random numbers that follow from a key of each row: a row gets the same ones in every block. */
final class KeyedNoise implements Noise {
  private static final int STREAMS = 4;
  private static final int NORMALS = 2;

  private final long[] keys;

  /** @param keys (n,) of the rows; may change between draws */
  KeyedNoise(long[] keys) {
    this.keys = keys;
  }

  @Override
  public void uniforms(int token, int which, float[] out, int n) {
    long stream = (long) token * STREAMS + which;
    for (int b = 0; b < n; b++) {
      out[b] = KeyedStream.uniformFloat(keys[b], stream);
    }
  }

  @Override
  public void normals(int token, float[] out, int n) {
    long stream = (long) token * STREAMS + NORMALS;
    for (int b = 0; b < n; b++) {
      out[b] = (float) Normal.quantile(KeyedStream.uniform(keys[b], stream) + 0x1.0p-54);
    }
  }
}
