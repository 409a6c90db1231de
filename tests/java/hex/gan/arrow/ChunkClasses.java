package hex.gan.arrow;

import java.io.PrintStream;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntToLongFunction;
import water.H2O;
import water.H2OApp;
import water.fvec.Chunk;
import water.fvec.NewChunk;

/**
 * Prints, a line for each kind of column: its name, the extension's class and bytes, H2O's,
 * and whether the extension's has the values.
 */
public final class ChunkClasses {
  private static final int ROWS = 4000;
  private static final Random RANDOM = new Random(1);

  public static void main(String[] arguments) {
    PrintStream out = System.out;
    System.setOut(System.err);
    // Without a node, H2O makes no chunks of its own classes.
    H2OApp.main(new String[] {"-ip", "127.0.0.1", "-port", arguments[0], "-name", "chunks", "-ice_root", arguments[1]});
    H2O.waitForCloudSize(1, 60_000);
    System.setOut(out);
    Map<String, IntToLongFunction> longs = new LinkedHashMap<>();
    longs.put("zeros", i -> 0);
    longs.put("constant", i -> 77);
    longs.put("missing", i -> Chunks.NA);
    longs.put("bits", i -> RANDOM.nextInt(2));
    longs.put("bits_and_missing", i -> i % 3 == 0 ? Chunks.NA : RANDOM.nextInt(2));
    longs.put("bytes", i -> RANDOM.nextInt(256));
    longs.put("bytes_and_missing", i -> i % 7 == 0 ? Chunks.NA : RANDOM.nextInt(255));
    longs.put("shifted_bytes", i -> 10_000 + RANDOM.nextInt(200));
    longs.put("negative_bytes", i -> RANDOM.nextInt(200) - 100);
    longs.put("hundreds", i -> 100 * RANDOM.nextInt(200));
    longs.put("shorts", i -> RANDOM.nextInt(60_000) - 30_000);
    longs.put("shifted_shorts", i -> 1_000_000 + RANDOM.nextInt(60_000));
    longs.put("shorts_and_missing", i -> i % 5 == 0 ? Chunks.NA : RANDOM.nextInt(60_000) - 30_000);
    longs.put("thousands", i -> 1000L * RANDOM.nextInt(60_000));
    longs.put("ints", i -> RANDOM.nextInt());
    longs.put("ints_and_missing", i -> i % 5 == 0 ? Chunks.NA : RANDOM.nextInt() | 1);
    longs.put("longs", i -> RANDOM.nextLong() | 1);
    longs.put("times", i -> 1_600_000_000_000L + RANDOM.nextInt() * 1000L);
    longs.put("days", i -> 86_400_000L * RANDOM.nextInt(20_000));
    longs.put("sparse_bits", i -> i % 40 == 0 ? 1 : 0);
    longs.put("sparse_bytes", i -> i % 40 == 0 ? RANDOM.nextInt(200) : 0);
    longs.put("sparse_ints", i -> i % 40 == 0 ? RANDOM.nextInt() : 0);
    longs.put("mostly_missing", i -> i % 40 == 0 ? RANDOM.nextInt() : Chunks.NA);
    longs.forEach(ChunkClasses::ofLongs);
    Map<String, IntToDoubleFunction> reals = new LinkedHashMap<>();
    reals.put("halves", i -> RANDOM.nextInt(200) / 2.0);
    reals.put("tenths", i -> RANDOM.nextInt(200) / 10.0);
    reals.put("cents", i -> RANDOM.nextInt(60_000) / 100.0);
    reals.put("cents_and_missing", i -> i % 5 == 0 ? Double.NaN : RANDOM.nextInt(60_000) / 100.0);
    reals.put("millionths", i -> RANDOM.nextInt(1_000_000_000) / 1e6);
    reals.put("floats", i -> (float) RANDOM.nextGaussian());
    reals.put("doubles", i -> RANDOM.nextGaussian());
    reals.put("doubles_and_missing", i -> i % 5 == 0 ? Double.NaN : RANDOM.nextGaussian());
    reals.put("few_doubles", i -> Math.sqrt(2 + RANDOM.nextInt(100)));
    reals.put("constant_double", i -> Math.PI);
    reals.put("sparse_doubles", i -> i % 40 == 0 ? RANDOM.nextGaussian() : 0);
    reals.put("mostly_missing_doubles", i -> i % 40 == 0 ? RANDOM.nextGaussian() : Double.NaN);
    reals.put("large", i -> 1e300 * RANDOM.nextGaussian());
    reals.put("infinite", i -> i % 9 == 0 ? Double.POSITIVE_INFINITY : RANDOM.nextGaussian());
    reals.forEach(ChunkClasses::ofReals);
    System.out.flush();
    System.exit(0);
  }

  private static void ofLongs(String name, IntToLongFunction value) {
    long[] values = new long[ROWS];
    Arrays.setAll(values, value);
    NewChunk built = new NewChunk(null, 0);
    for (long one : values) {
      if (one == Chunks.NA) {
        built.addNA();
      } else {
        built.addNum(one, 0);
      }
    }
    Chunk ours = Chunks.ofLongs(values.clone());
    boolean same = true;
    for (int i = 0; i < ROWS; i++) {
      same &= values[i] == Chunks.NA ? ours.isNA(i) : ours.at8(i) == values[i];
    }
    print(name, ours, built.compress(), same);
  }

  /** As H2O's parser does it: digits and a power of ten. */
  private static void ofReals(String name, IntToDoubleFunction value) {
    double[] values = new double[ROWS];
    Arrays.setAll(values, value);
    NewChunk built = new NewChunk(null, 0);
    for (double one : values) {
      if (one != one) {
        built.addNA();
      } else if (Double.isInfinite(one)) {
        built.addNum(one);
      } else {
        BigDecimal digits = new BigDecimal(Double.toString(one)).stripTrailingZeros();
        if (digits.precision() > 18) {
          built.addNum(one);
        } else {
          built.addNum(digits.unscaledValue().longValueExact(), -digits.scale());
        }
      }
    }
    Chunk ours = Chunks.ofReals(values.clone());
    boolean same = true;
    for (int i = 0; i < ROWS; i++) {
      same &= values[i] != values[i] ? ours.isNA(i) : ours.atd(i) == values[i];
    }
    print(name, ours, built.compress(), same);
  }

  private static void print(String name, Chunk ours, Chunk theirs, boolean same) {
    System.out.println(String.join(" ", name, ours.getClass().getSimpleName(), "" + ours.getBytes().length,
        theirs.getClass().getSimpleName(), "" + theirs.getBytes().length, "" + same));
  }
}
