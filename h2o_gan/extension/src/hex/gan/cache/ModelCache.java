package hex.gan.cache;

import hex.gan.core.GanModel;
import hex.gan.work.Blob;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.ref.SoftReference;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import jsr166y.ForkJoinPool;
import water.DTask;
import water.Futures;
import water.H2O;
import water.H2ONode;
import water.RPC;

/**
 * The models that this node has read from their files, least recently used ones first out.
 *
 * <p>Where several threads ask for a model, one reads it, and the others get the same object.
 */
public final class ModelCache {
  private static final long HEAP = Runtime.getRuntime().maxMemory();
  /** Most bytes of all models, except for a single one that is larger. */
  private static final long MOST_BYTES = HEAP / 16;
  /** Bytes of a model in memory for each byte of its file, at most. */
  private static final int GROWTH = 2;

  private static final Map<String, Entry> MODELS = new LinkedHashMap<>(16, .75f, true);
  private static final ConcurrentHashMap<String, Load> LOADS = new ConcurrentHashMap<>();

  private static final class Entry {
    /** The collector may take a model that no task uses before it fails for lack of memory. */
    final SoftReference<GanModel> model;
    final long bytes;

    Entry(GanModel model) {
      this.model = new SoftReference<>(model);
      bytes = model.bytes()[0];
    }
  }

  /** The file needs more memory than the node has. */
  public static final class MemoryException extends IOException {
    private static final long serialVersionUID = 1;

    MemoryException(long size, long free) {
      super("the model takes up to " + (GROWTH * size >> 20) + " MB of memory, but node " + H2O.SELF.getIpPortString()
          + " has " + (free >> 20) + " MB free");
    }
  }

  /** The reading of a model, for which fork/join threads wait as H2O's own tasks do. */
  private static final class Load extends FutureTask<GanModel> implements ForkJoinPool.ManagedBlocker {
    Load(Blob blob) {
      super(() -> read(blob));
    }

    @Override
    public boolean block() throws InterruptedException {
      try {
        get();
      } catch (ExecutionException e) {
        // Reported by the caller's get().
      }
      return true;
    }

    @Override
    public boolean isReleasable() {
      return isDone();
    }
  }

  /**
   * The model in a file.
   *
   * @throws hex.gan.core.DamagedException the file is not a valid one
   * @throws IllegalArgumentException the model is not one of a table, or of an older format
   * @throws MemoryException there is not enough memory for it
   * @throws IOException the file was removed
   */
  public static GanModel get(Blob file) throws IOException {
    String id = file.id();
    GanModel found = cached(id);
    if (found != null) {
      return found;
    }
    Load own = new Load(file);
    Load load = LOADS.putIfAbsent(id, own);
    if (load == null) {
      load = own;
      try {
        load.run();
      } finally {
        LOADS.remove(id, own);
      }
    }
    return result(load);
  }

  private static GanModel result(Load load) throws IOException {
    try {
      ForkJoinPool.managedBlock(load);
      return load.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("the wait for a model was interrupted");
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (cause instanceof IOException) {
        throw (IOException) cause;
      }
      if (cause instanceof RuntimeException) {
        throw (RuntimeException) cause;
      }
      throw (Error) cause;
    }
  }

  private static GanModel read(Blob file) throws IOException {
    Runtime here = Runtime.getRuntime();
    // Garbage counts as used here, and H2O's own figure is some seconds old: either of them may be too low.
    long free = Math.max(HEAP - (here.totalMemory() - here.freeMemory()), H2O.SELF._heartbeat.get_free_mem());
    if (GROWTH * file.size > free) {
      throw new MemoryException(file.size, free);
    }
    GanModel model = GanModel.read(new BlobSource(file));
    keep(file.id(), model);
    return model;
  }

  private static GanModel cached(String id) {
    synchronized (MODELS) {
      Entry entry = MODELS.get(id);
      return entry == null ? null : entry.model.get();
    }
  }

  private static void keep(String id, GanModel model) {
    synchronized (MODELS) {
      MODELS.put(id, new Entry(model));
      long total = 0;
      for (Entry entry : MODELS.values()) {
        total += entry.bytes;
      }
      Iterator<Entry> oldest = MODELS.values().iterator();
      while (total > MOST_BYTES && MODELS.size() > 1) {
        total -= oldest.next().bytes;
        oldest.remove();
      }
    }
  }

  /** Removes a model from the caches of all nodes. */
  public static void forget(Blob file, Futures done) {
    for (H2ONode node : H2O.CLOUD.members()) {
      if (node == H2O.SELF) {
        forgetHere(file.id());
      } else {
        done.add(new RPC<>(node, new Forget(file.id())).call());
      }
    }
  }

  private static void forgetHere(String id) {
    synchronized (MODELS) {
      MODELS.remove(id);
    }
  }

  private static final class Forget extends DTask<Forget> {
    private final String id;

    Forget(String id) {
      super(H2O.GUI_PRIORITY);
      this.id = id;
    }

    @Override
    public void compute2() {
      forgetHere(id);
      tryComplete();
    }
  }

  private ModelCache() {}
}
