package hex.gan.arrow;

import com.sun.management.ThreadMXBean;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import water.DKV;
import water.H2O;
import water.H2OApp;
import water.Key;
import water.Value;
import water.fvec.Frame;
import water.fvec.Vec;

/**
 * Feeds changed Arrow streams to the extension, in a node of its own.
 *
 * <p>Real streams are the seeds. A changed one whose answer was never seen before becomes a seed too,
 * so that changes build on changes. Whatever is taken in is sent out again; of some the two streams go
 * to the standard output, for a reader that compares them.
 *
 * <p>Arguments: a folder with the seeds, for what fails too; a port; how many are taken in for each that
 * is compared; how many streams, and for how many seconds at most; the seed of the random numbers.
 */
public final class FuzzStreams {
  /** A stream that takes longer hangs, and ends the program. */
  private static final long HANGS_MS = 30_000;
  private static final String FAILED = "FAILED";
  private static final String TAKEN_IN = "taken in";
  private static final long SLOW_MS = 2_000;
  private static final long LARGE_BYTES = 64 << 20;
  private static final int MOST_SEEDS = 4_000;

  private final List<byte[]> seeds = new ArrayList<>();
  private final Set<String> seen = new HashSet<>();
  private final Map<String, Integer> counts = new TreeMap<>();
  private final AtomicReference<byte[]> current = new AtomicReference<>();
  private final DataOutputStream pairs;
  private final Path folder;
  private final int compared;
  private volatile long began;
  private long slowest;
  private long largest;

  private FuzzStreams(DataOutputStream pairs, Path folder, int compared) {
    this.pairs = pairs;
    this.folder = folder;
    this.compared = compared;
  }

  public static void main(String[] arguments) throws Exception {
    DataOutputStream pairs = new DataOutputStream(new BufferedOutputStream(System.out));
    System.setOut(System.err);
    Path folder = Paths.get(arguments[0]);
    String port = arguments[1];
    H2OApp.main(new String[] {
        "-name", "fuzz_" + port, "-ip", "127.0.0.1", "-baseport", port, "-ice_root", folder.toString(),
        "-log_level", "ERRR"});
    H2O.waitForCloudSize(1, 60_000);
    FuzzStreams streams = new FuzzStreams(pairs, folder, Integer.parseInt(arguments[2]));
    streams.run(Long.parseLong(arguments[3]), Long.parseLong(arguments[4]), Long.parseLong(arguments[5]));
    pairs.flush();
    System.exit(streams.counts.keySet().stream().anyMatch(what -> what.startsWith(FAILED)) ? 1 : 0);
  }

  private void run(long number, long seconds, long seed) throws Exception {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "seed_*.arrow")) {
      List<Path> sorted = new ArrayList<>();
      files.forEach(sorted::add);
      sorted.sort(null);
      for (Path file : sorted) {
        seeds.add(Files.readAllBytes(file));
        seen.add(kind(feed(seeds.get(seeds.size() - 1), true)));
      }
    }
    System.gc();
    Set<String> before = keys();
    int threads = Thread.activeCount();
    long memory = used();
    watch();
    long start = System.currentTimeMillis();
    long done = 0;
    while (done < number && System.currentTimeMillis() - start < 1000 * seconds) {
      Random random = new Random(seed * 1_000_003 + done);
      byte[] changed = new Changes(seeds, random).next();
      String answer = feed(changed, random.nextInt(compared) == 0);
      count(answer);
      boolean another = answer.equals(TAKEN_IN) && random.nextInt(2_000) == 0;
      if ((seen.add(kind(answer)) || another) && seeds.size() < MOST_SEEDS) {
        seeds.add(changed);
      }
      if (++done % 50_000 == 0) {
        System.err.println(done + " streams, " + seeds.size() + " seeds, " + rate(done, start) + " a second");
      }
    }
    began = 0;
    Thread.sleep(5_000);
    Set<String> after = keys();
    after.removeAll(before);
    System.gc();
    Thread.sleep(1_000);
    System.err.println("streams: " + done + ", " + rate(done, start) + " a second, " + seeds.size() + " seeds");
    counts.forEach((what, times) -> System.err.println("  " + times + " x " + what));
    System.err.println("slowest: " + slowest + " ms; most memory allocated for one: " + (largest >> 20) + " MB");
    System.err.println("keys that stay: " + after.size() + "; threads: " + threads + " before, "
        + Thread.activeCount() + " after; memory: " + (memory >> 20) + " MB before, " + (used() >> 20)
        + " MB after; room still taken: " + Room.TAKEN.get());
    if (!after.isEmpty() || Room.TAKEN.get() != 0) {
      count(FAILED + ": something stays");
      System.err.println(FAILED + ": something stays: " + after);
    }
  }

  private static long rate(long done, long start) {
    return 1000 * done / Math.max(1, System.currentTimeMillis() - start);
  }

  private static long used() {
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  /** All keys but those of the nodes, and those that H2O keeps for good of every frame that ever was. */
  private static Set<String> keys() {
    Set<String> keys = new HashSet<>();
    for (Key<?> key : H2O.localKeySet()) {
      Value value = DKV.get(key);
      if (value != null && !value.className().matches(".*(VectorGroup|ESPC|Members)")) {
        keys.add(value.className() + " " + key);
      }
    }
    return keys;
  }

  private void count(String what) {
    counts.merge(kind(what), 1, Integer::sum);
  }

  /** An answer without what differs from stream to stream. */
  private static String kind(String answer) {
    return answer.replaceAll("(?s)'.*'", "'...'").replaceAll("-?[0-9]+", "#");
  }

  /** Takes a stream in, sends it out, and says how it went. */
  private String feed(byte[] stream, boolean show) throws IOException {
    ThreadMXBean mine = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = mine.getThreadAllocatedBytes(Thread.currentThread().getId());
    current.set(stream);
    began = System.nanoTime();
    String answer;
    try {
      answer = answer(stream, show);
    } catch (Throwable e) {
      StringWriter trace = new StringWriter();
      e.printStackTrace(new PrintWriter(trace));
      answer = FAILED + ": " + e;
      keep(stream, trace.toString());
    }
    long took = (System.nanoTime() - began) / 1_000_000;
    allocated = mine.getThreadAllocatedBytes(Thread.currentThread().getId()) - allocated;
    slowest = Math.max(slowest, took);
    largest = Math.max(largest, allocated);
    if (took > SLOW_MS) {
      count(FAILED + ": slow");
      keep(stream, took + " ms: " + answer);
    }
    if (allocated > LARGE_BYTES) {
      count(FAILED + ": large");
      keep(stream, (allocated >> 20) + " MB: " + answer);
    }
    return answer;
  }

  private String answer(byte[] stream, boolean show) throws IOException {
    Frame frame;
    try (FrameBuilder builder = new FrameBuilder(new ByteArrayInputStream(stream), "fuzzed")) {
      frame = builder.build(() -> true);
    } catch (ArrowException | FrameBuilder.MemoryException e) {
      return e.getMessage();
    } catch (FrameBuilder.TakenException | FrameBuilder.UnwantedException e) {
      throw new IllegalStateException(e);
    }
    try {
      int[] columns = new int[frame.numCols()];
      Arrays.setAll(columns, i -> i);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      new FrameStream(frame, columns, 0, Long.MAX_VALUE, null, false, true).send(out);
      if (show) {
        write(stream);
        write(out.toByteArray());
      }
    } finally {
      for (Vec vec : frame.vecs()) {
        vec.remove();
      }
      frame.remove();
    }
    return TAKEN_IN;
  }

  private void write(byte[] bytes) throws IOException {
    pairs.writeInt(bytes.length);
    pairs.write(bytes);
  }

  private void keep(byte[] stream, String why) throws IOException {
    String name = "failed_" + Integer.toHexString(Arrays.hashCode(stream));
    Files.write(folder.resolve(name + ".arrow"), stream);
    Files.write(folder.resolve(name + ".txt"), why.getBytes("UTF-8"));
  }

  /** Ends the program where one stream takes for ever. */
  private void watch() {
    Thread watch = new Thread(() -> {
      while (true) {
        try {
          Thread.sleep(1_000);
          if (began != 0 && System.nanoTime() - began > 1_000_000 * HANGS_MS) {
            keep(current.get(), "hangs");
            System.err.println(FAILED + ": a stream hangs, see " + folder);
            Runtime.getRuntime().halt(2);
          }
        } catch (InterruptedException | IOException e) {
          return;
        }
      }
    });
    watch.setDaemon(true);
    watch.start();
  }
}
