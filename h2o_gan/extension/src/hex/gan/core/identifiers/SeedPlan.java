package hex.gan.core.identifiers;

import hex.gan.core.math.SplitMix64;
import java.math.BigInteger;
import java.util.Arrays;

/** What a seed decides for all rows: which pattern a row has, and the order of its values. Immutable. */
final class SeedPlan {
  final long seed;
  /** (ROUND,) the pattern of each row of a round. */
  final int[] owners;
  /** (ROUND,) how many rows before in the round have the same pattern. */
  final int[] ranks;
  /** (patterns,) how many rows of a round have each pattern. */
  final int[] counts;
  /** (patterns,) number of values; and the affine map that shuffles them. */
  final long[] sizes;
  final long[] factors;
  final long[] shifts;
  /** (patterns,) of first attempts. */
  final long[] noiseKeys;
  final long missingKey;

  private final String name;

  SeedPlan(long seed, String name, Pattern[] patterns, long[] sizes) {
    this.seed = seed;
    this.name = name;
    this.sizes = sizes;
    missingKey = Identifiers.key(seed, "missing", name);
    factors = new long[patterns.length];
    shifts = new long[patterns.length];
    noiseKeys = new long[patterns.length];
    for (int i = 0; i < patterns.length; i++) {
      noiseKeys[i] = noiseKey(i, 0);
      shifts[i] = SplitMix64.remainder(Identifiers.key(seed, "shift " + i, name), sizes[i]);
      long factor = SplitMix64.remainder(Identifiers.key(seed, "factor " + i, name), sizes[i]);
      while (!BigInteger.valueOf(factor).gcd(BigInteger.valueOf(sizes[i])).equals(BigInteger.ONE)) {
        factor++;
      }
      factors[i] = factor;
    }
    owners = owners(seed, name, patterns);
    ranks = new int[owners.length];
    counts = new int[patterns.length];
    for (int slot = 0; slot < owners.length; slot++) {
      ranks[slot] = counts[owners[slot]]++;
    }
  }

  long noiseKey(int pattern, int attempt) {
    return Identifiers.key(seed, pattern + " " + attempt, name);
  }

  /** Each round of rows has every pattern in its share, in an order that the seed decides. */
  private static int[] owners(long seed, String name, Pattern[] patterns) {
    double[] sums = new double[patterns.length];
    double sum = 0;
    for (int i = 0; i < sums.length; i++) {
      sum += patterns[i].weight;
      sums[i] = sum;
    }
    long key = Identifiers.key(seed, "order", name);
    long[] mixed = new long[Identifiers.ROUND];
    for (int i = 0; i < mixed.length; i++) {
      mixed[i] = SplitMix64.mix(i + key) ^ Long.MIN_VALUE;
    }
    Arrays.sort(mixed);
    int[] owners = new int[mixed.length];
    for (int slot = 0; slot < owners.length; slot++) {
      long order = SplitMix64.unmix(mixed[slot] ^ Long.MIN_VALUE) - key;
      while (owners[slot] + 1 < sums.length
          && Math.rint(sums[owners[slot]] / sum * Identifiers.ROUND) <= order) {
        owners[slot]++;
      }
    }
    return owners;
  }
}
