package hex.gan.core.identifiers;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Messages;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.Blake2b;
import hex.gan.core.math.SplitMix64;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * A text or UUID column whose values identify rows.
 *
 * <p>Mirrors Identifiers of h2o_gan/engine/data/identifiers.py: a row's value follows from the seed and the row's index
 * alone, is the same here and there, and is none of the training rows'.
 */
public final class Identifiers {
  /** Rows in which each pattern has its share. */
  static final int ROUND = 1024;

  private static final int MAX_PATTERNS = 50;
  /** Values of a space up to which all are listed. */
  private static final long LISTED = 1 << 20;
  /** At most half of a fitted pattern's values are taken. */
  private static final int ATTEMPTS = 64;
  private static final long MAX_ROWS = 1L << 60;

  private final String name;
  /** STRING or UUID. */
  public final Kind kind;
  private final double missingShare;
  private final Pattern[] patterns;
  /** (training values,) ascending as numbers without sign, with the sign bit flipped, so that Java compares them. */
  private final long[] hashes;
  private final int longest;

  /** For each pattern the numbers of its new values, shuffled; null if there are too many. Made when needed. */
  private volatile int[][] free;
  /** Of the last seed; another thread may put another one here at any time. */
  private volatile SeedPlan plan;

  private Identifiers(String name, Kind kind, double missingShare, Pattern[] patterns, long[] hashes) {
    this.name = name;
    this.kind = kind;
    this.missingShare = missingShare;
    this.patterns = patterns;
    this.hashes = hashes;
    int most = 0;
    for (Pattern pattern : patterns) {
      most = Math.max(most, pattern.length());
    }
    longest = most;
  }

  /** Reads the state of identifiers: {"name", "kind", "missing_share", "patterns"} and hashes. */
  public static Identifiers restore(Json json, NamedArrays arrays) throws DamagedException {
    String name = json.get("name").text();
    String word = json.get("kind").text();
    Json missing = json.get("missing_share");
    List<Json> items = json.get("patterns").items();
    long[] hashes = arrays.unsignedLongs("hashes");
    boolean isUuid = word.equals("uuid");
    boolean isShare = !missing.isWhole() && missing.number(0, 1) < 1;
    if (!(isUuid || word.equals("string")) || !isShare || items.isEmpty() || items.size() > MAX_PATTERNS) {
      throw json.wrong("is not an identifier column");
    }
    boolean isAscending = hashes.length > 0;
    for (int i = 0; i < hashes.length; i++) {
      hashes[i] ^= Long.MIN_VALUE;
      isAscending &= i == 0 || hashes[i] > hashes[i - 1];
    }
    if (!isAscending) {
      throw json.wrong("is an identifier column with wrong hashes");
    }
    Pattern[] patterns = new Pattern[items.size()];
    for (int i = 0; i < patterns.length; i++) {
      patterns[i] = Pattern.restore(items.get(i), isUuid);
    }
    return new Identifiers(name, isUuid ? Kind.UUID : Kind.STRING, missing.number(), patterns, hashes);
  }

  /**
   * The values of consecutive rows of a sample.
   *
   * <p>Values are distinct as long as their pattern has new ones. Two rows may rarely share a value if a pattern has
   * over 2^20 values, but less than twice those that training rows have.
   *
   * @param start index of the first row
   * @param rows their number
   * @param seed of the sample
   * @return (rows,) null for missing values; the same whatever other rows are asked for
   * @throws IllegalArgumentException rows are negative or beyond 2^60, or no new value is left, which does not happen
   *     to a fitted column
   */
  public String[] values(long start, int rows, long seed) {
    if (start < 0 || rows < 0 || start > MAX_ROWS - rows) {
      throw new IllegalArgumentException("rows " + start + " to " + (start + rows) + " are not rows of a sample");
    }
    if (rows == 0) {
      return new String[0];
    }
    int[][] listed = listed();
    SeedPlan known = plan;
    if (known == null || known.seed != seed) {
      known = new SeedPlan(seed, name, patterns, sizes(listed));
      plan = known;
    }
    String[] values = new String[rows];
    byte[] text = new byte[longest];
    Blake2b blake = new Blake2b();
    for (int i = 0; i < rows; i++) {
      long row = start + i;
      long chance = SplitMix64.mix(row * SplitMix64.GOLDEN + known.missingKey);
      if ((chance >>> 11) * 0x1p-53 >= missingShare) {
        values[i] = value(row, known, listed, text, blake);
      }
    }
    return values;
  }

  /** Number of values of each pattern that numbers stand for. */
  private long[] sizes(int[][] listed) {
    long[] sizes = new long[patterns.length];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = listed[i] == null ? patterns[i].counted : listed[i].length;
      if (sizes[i] == 0) {
        throw noneLeft();
      }
    }
    return sizes;
  }

  private IllegalArgumentException noneLeft() {
    return new IllegalArgumentException("column " + Messages.quoted(name) + ": no new value is left");
  }

  private String value(long row, SeedPlan known, int[][] listed, byte[] text, Blake2b blake) {
    int slot = (int) (row % ROUND);
    int index = known.owners[slot];
    long rank = row / ROUND * known.counts[index] + known.ranks[slot];
    Pattern pattern = patterns[index];
    long size = known.sizes[index];
    // A taken value is replaced by the value of a number at the end, by its index among the hashes. No two values lead
    // to one number, so other rows never get the same one.
    boolean distinct = 2L * hashes.length <= size;
    long at = rank % size;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      // Products of 32-bit numbers, without sign.
      long number = SplitMix64.remainder(at * known.factors[index] + known.shifts[index], size);
      if (listed[index] != null) {
        pattern.render(listed[index][(int) number], 0, text);
        return string(text, pattern.length());
      }
      long key = attempt == 0 ? known.noiseKeys[index] : known.noiseKey(index, attempt);
      pattern.render(number, SplitMix64.mix(row * SplitMix64.GOLDEN + key), text);
      long hash = blake.hash(text, pattern.length()) ^ Long.MIN_VALUE;
      int found = Arrays.binarySearch(hashes, hash);
      if (found < 0) {
        return string(text, pattern.length());
      }
      at = distinct ? found + size - hashes.length : (at + (long) (0.618 * size)) % size;
    }
    throw noneLeft();
  }

  @SuppressWarnings("deprecation") // the fast way for ASCII
  private static String string(byte[] text, int length) {
    return new String(text, 0, 0, length);
  }

  private int[][] listed() {
    int[][] found = free;
    if (found == null) {
      synchronized (this) {
        found = free;
        if (found == null) {
          found = new int[patterns.length][];
          for (int i = 0; i < found.length; i++) {
            found[i] = patterns[i].space > LISTED / patterns.length ? null : free(patterns[i]);
          }
          free = found;
        }
      }
    }
    return found;
  }

  /** The numbers of a pattern's new values, in the order in which mixing puts them. */
  private int[] free(Pattern pattern) {
    long[] mixed = new long[(int) pattern.space];
    byte[] text = new byte[pattern.length()];
    Blake2b blake = new Blake2b();
    int count = 0;
    for (int number = 0; number < mixed.length; number++) {
      pattern.render(number, 0, text);
      if (Arrays.binarySearch(hashes, blake.hash(text, text.length) ^ Long.MIN_VALUE) < 0) {
        mixed[count++] = SplitMix64.mix(number) ^ Long.MIN_VALUE;
      }
    }
    Arrays.sort(mixed, 0, count);
    int[] numbers = new int[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (int) SplitMix64.unmix(mixed[i] ^ Long.MIN_VALUE);
    }
    return numbers;
  }

  /** 64 bits that depend on the seed, the purpose and the column. */
  static long key(long seed, String purpose, String name) {
    byte[] text = (seed + " " + purpose + " " + name).getBytes(StandardCharsets.UTF_8);
    return new Blake2b().hash(text, text.length);
  }
}
