package hex.gan.work;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import water.DKV;
import water.H2O;
import water.H2ONode;
import water.Key;
import water.Keyed;
import water.Paxos;
import water.init.NetworkInit;
import water.util.Log;

/**
 * The record of each node: the version of its extension, and the workers that have asked it for jobs.
 *
 * <p>Each node writes its own record. A node without the extension cannot answer requests of the extension;
 * the missing record shows it.
 */
public final class Members extends Keyed<Members> {
  private static final int MOST_WORKERS = 200;
  private static final long FORGOTTEN_MS = 3_600_000;
  private static final long CONNECTED_MS = 10_000;
  private static final long PUT_MS = 3_000;
  private static final long START_MS = 500;
  private static final long COUNT_MS = 500;

  private static final Map<String, Long> SEEN = new LinkedHashMap<>();
  private static int protocolHere;
  private static String versionHere;
  private static long lastPut;
  private static volatile long counted;
  private static volatile boolean connected;

  /** The protocol that the node's extension speaks with clients. */
  public final int protocol;
  public final String version;
  private final String[] workers;
  private final long[] seen;

  private Members(Key<Members> key, int protocol, String version, String[] workers, long[] seen) {
    super(key);
    this.protocol = protocol;
    this.version = version;
    this.workers = workers;
    this.seen = seen;
  }

  private static Key<Members> key(H2ONode node) {
    return Key.make("gan_node_" + node.index(), Key.HIDDEN_USER_KEY, true, node);
  }

  @Override
  protected long checksum_impl() {
    return Arrays.hashCode(workers);
  }

  /** Keeps this node's record in the store as long as the cluster exists. */
  public static void join(int protocol, String version) {
    protocolHere = protocol;
    versionHere = version;
    Thread thread = new Thread(() -> {
      try {
        // Reading the store earlier would lock the cluster, and further nodes could not join.
        while (!Paxos._cloudLocked) {
          Thread.sleep(START_MS);
        }
        while (true) {
          // Removing all keys of the cluster removes the record too.
          if (of(H2O.SELF) == null) {
            put();
          }
          Thread.sleep(START_MS);
        }
      } catch (InterruptedException | RuntimeException | Error e) {
        Log.warn("h2o_gan: this node could not say that it has the extension: " + e);
      }
    }, "gan member");
    thread.setDaemon(true);
    thread.start();
  }

  /** The record of a node; null where it has none, or none yet. */
  public static Members of(H2ONode node) {
    return Paxos._cloudLocked ? DKV.<Members>getGet(key(node)) : null;
  }

  /** Notes that a worker has asked this node for a job. */
  public static void saw(String worker) {
    long now = System.currentTimeMillis();
    synchronized (SEEN) {
      boolean known = SEEN.remove(worker) != null;
      SEEN.put(worker, now);
      SEEN.values().removeIf(time -> time < now - FORGOTTEN_MS);
      if (SEEN.size() > MOST_WORKERS) {
        SEEN.remove(SEEN.keySet().iterator().next());
      }
      if (known && now - lastPut < PUT_MS) {
        return;
      }
      lastPut = now;
    }
    if (Paxos._cloudLocked) {
      put();
    }
  }

  private static void put() {
    String[] names;
    long[] times;
    synchronized (SEEN) {
      names = SEEN.keySet().toArray(new String[0]);
      times = SEEN.values().stream().mapToLong(Long::longValue).toArray();
    }
    DKV.put(new Members(key(H2O.SELF), protocolHere, versionHere, names, times));
  }

  /** The time of the last request of each worker to any node, in milliseconds of the wall clock. */
  public static Map<String, Long> workers() {
    Map<String, Long> all = new LinkedHashMap<>();
    List<H2ONode> nodes = new ArrayList<>(Arrays.asList(H2O.CLOUD.members()));
    for (H2ONode node : nodes) {
      Members record = of(node);
      for (int i = 0; record != null && i < record.workers.length; i++) {
        all.merge(record.workers[i], record.seen[i], Math::max);
      }
    }
    return all;
  }

  /** Whether a worker has asked for a job within the last seconds. */
  static boolean anyWorker() {
    long now = System.currentTimeMillis();
    if (Math.abs(now - counted) > COUNT_MS) { // Every waiting job asks this several times a second.
      connected = workers().values().stream().anyMatch(time -> time > now - CONNECTED_MS);
      counted = now;
    }
    return connected;
  }

  /** The command that starts a worker for this cluster. */
  public static String command() {
    return "h2o-gan worker --url " + H2O.getURL(NetworkInit.h2oHttpView.getScheme());
  }
}
