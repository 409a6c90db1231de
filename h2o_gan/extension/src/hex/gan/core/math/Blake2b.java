package hex.gan.core.math;

import java.util.Arrays;

/**
 * BLAKE2b (RFC 7693) without a key, with a digest of 8 bytes.
 *
 * <p>Used by one thread at a time: an instance keeps its working memory.
 */
public final class Blake2b {
  private static final int BLOCK = 128;
  private static final int ROUNDS = 12;
  private static final long[] IV = {
    0x6A09E667F3BCC908L, 0xBB67AE8584CAA73BL, 0x3C6EF372FE94F82BL, 0xA54FF53A5F1D36F1L,
    0x510E527FADE682D1L, 0x9B05688C2B3E6C1FL, 0x1F83D9ABFB41BD6BL, 0x5BE0CD19137E2179L
  };
  /** The order of a block's words in each round. */
  private static final byte[][] SIGMA = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}
  };

  private final long[] state = new long[8];
  private final long[] work = new long[16];
  private final long[] words = new long[16];

  /** The digest of some bytes, as a number that has its first byte lowest. */
  public long hash(byte[] bytes, int length) {
    System.arraycopy(IV, 0, state, 0, IV.length);
    state[0] ^= 0x01010000 ^ 8;
    int at = 0;
    for (; length - at > BLOCK; at += BLOCK) {
      compress(bytes, at, BLOCK, at + BLOCK, false);
    }
    compress(bytes, at, length - at, length, true);
    return state[0];
  }

  /** Takes a block into the state, of which `total` bytes are taken then. */
  private void compress(byte[] bytes, int start, int length, long total, boolean isLast) {
    Arrays.fill(words, 0);
    for (int i = 0; i < length; i++) {
      words[i >>> 3] |= (bytes[start + i] & 0xFFL) << ((i & 7) << 3);
    }
    System.arraycopy(state, 0, work, 0, 8);
    System.arraycopy(IV, 0, work, 8, 8);
    work[12] ^= total;
    if (isLast) {
      work[14] = ~work[14];
    }
    for (int round = 0; round < ROUNDS; round++) {
      byte[] order = SIGMA[round % SIGMA.length];
      mix(0, 4, 8, 12, words[order[0]], words[order[1]]);
      mix(1, 5, 9, 13, words[order[2]], words[order[3]]);
      mix(2, 6, 10, 14, words[order[4]], words[order[5]]);
      mix(3, 7, 11, 15, words[order[6]], words[order[7]]);
      mix(0, 5, 10, 15, words[order[8]], words[order[9]]);
      mix(1, 6, 11, 12, words[order[10]], words[order[11]]);
      mix(2, 7, 8, 13, words[order[12]], words[order[13]]);
      mix(3, 4, 9, 14, words[order[14]], words[order[15]]);
    }
    for (int i = 0; i < state.length; i++) {
      state[i] ^= work[i] ^ work[i + 8];
    }
  }

  private void mix(int a, int b, int c, int d, long x, long y) {
    long[] v = work;
    v[a] += v[b] + x;
    v[d] = Long.rotateRight(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = Long.rotateRight(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = Long.rotateRight(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = Long.rotateRight(v[b] ^ v[c], 63);
  }
}
