package hex.gan;

import com.google.gson.JsonObject;
import hex.gan.cache.ModelCache;
import hex.gan.core.DamagedException;
import hex.gan.core.GanModel;
import hex.gan.core.UnreachableException;
import hex.gan.generate.Making;
import hex.gan.generate.Recipe;
import hex.gan.work.Task;
import hex.gan.work.TaskQueue;
import java.io.IOException;
import java.util.UUID;
import java.util.function.BiConsumer;
import water.DKV;
import water.Job;
import water.Key;
import water.Scope;
import water.exceptions.H2OIllegalArgumentException;
import water.fvec.Frame;

/** The rows that a training generates once its model is complete: the parameters generate_rows and generated_frame. */
final class GeneratedRows {
  /** Units of work of the generation, beside those of the training. */
  static final int UNITS = 100;

  /**
   * Checks before the training begins that the rows can be generated after it.
   *
   * @param model key that the model gets; null for a new key
   * @param error takes the name of a field and what is wrong with its value
   */
  static void check(GANModel.GANParameters parameters, Key<?> model, BiConsumer<String, String> error) {
    String key = parameters._generated_frame;
    boolean named = key != null && !key.isEmpty();
    if (named) {
      String refusal = refusal(key);
      if (key.equals(String.valueOf(model))) {
        refusal = "'" + key + "' is the name of the model";
      }
      if (refusal != null) {
        error.accept("_generated_frame", "generated_frame: " + refusal + "; choose another.");
      }
      if (parameters._generate_rows == 0) {
        error.accept("_generate_rows", "generate_rows is 0: say how many rows generated_frame is to have.");
      }
    }
    if (parameters._generate_rows > 0 && parameters._train != null) {
      Frame frame = frame(parameters._train);
      double rowBytes = frame == null ? 0 : GANModel.rowBytes(frame);
      String full = Memory.refusal(parameters._generate_rows, rowBytes, 0);
      if (full != null) {
        error.accept("_generate_rows", "generate_" + full + ".");
      }
    }
  }

  private static Frame frame(Key<Frame> key) {
    Object value = DKV.getGet(key);
    return value instanceof Frame ? (Frame) value : null;
  }

  /** The reason why a new frame cannot have this key; null where it can. */
  static String refusal(String key) {
    for (int i = 0; i < key.length(); i++) {
      if (key.charAt(i) < ' ') {
        return "a frame's key must not have control characters";
      }
    }
    return DKV.get(key) == null ? null : "the cluster already has something under the key '" + key + "'";
  }

  /** A free key for rows of a model, named after it. */
  static String key(String model) {
    String key = model + "_rows";
    for (int i = 2; DKV.get(key) != null; i++) {
      key = model + "_rows_" + i;
    }
    return key;
  }

  /**
   * Generates the rows that the parameters of a trained model ask for, as a part of its job.
   *
   * @param job the training
   * @return the key of the new frame
   */
  static Key<Frame> make(GANModel model, Job<?> job) {
    GANModel.GANParameters parameters = model._parms;
    String wanted = parameters._generated_frame;
    String key = wanted == null || wanted.isEmpty() ? key(model._key.toString()) : wanted;
    try {
      GanModel loaded = loaded(model);
      if (loaded == null) {
        byWorker(model, key, job);
      } else {
        inCluster(model, loaded, key, job);
      }
    } catch (
        IllegalStateException | IllegalArgumentException | H2OIllegalArgumentException | UnreachableException
            | IOException e) {
      throw new IllegalStateException(
          "model '" + model._key + "' is trained, but its rows could not be generated: " + e.getMessage(), e);
    }
    return Key.make(key);
  }

  /** The model where the nodes can run it; null where a worker has to. */
  private static GanModel loaded(GANModel model) throws IOException {
    try {
      return ModelCache.get(model.artifact());
    } catch (DamagedException | IllegalArgumentException e) {
      return null;
    }
  }

  private static long seed(GANModel.GANParameters parameters) {
    return parameters._seed & Long.MAX_VALUE;
  }

  private static void inCluster(GANModel model, GanModel loaded, String key, Job<?> job) {
    GANModel.GANParameters parameters = model._parms;
    Recipe recipe = Recipe.sample(parameters._generate_rows, seed(parameters), null, null, 1);
    Making making = Making.sample(model.artifact(), loaded, recipe);
    String full = Memory.refusal(
        parameters._generate_rows, model._row_bytes + Making.rowBytes(loaded), Making.nodeBytes(loaded));
    if (full != null) {
      throw new IllegalStateException(full);
    }
    // The scope of a training removes the columns that are made in it.
    Scope.untrack(making.make(Key.make(key), job, UNITS).keys());
  }

  private static void byWorker(GANModel model, String key, Job<?> job) {
    GANModel.GANParameters parameters = model._parms;
    JsonObject asked = new JsonObject();
    asked.addProperty("rows", parameters._generate_rows);
    asked.addProperty("seed", seed(parameters));
    Task task = new Task(
        UUID.randomUUID().toString(), "generate", job._key.toString(), model._key.toString(), key, asked.toString(),
        parameters._generate_rows, parameters._worker, parameters._wait_for_worker_secs, 0);
    String refusal = TaskQueue.post(task);
    if (refusal != null) {
      throw new IllegalStateException(refusal);
    }
    Generation.await(task, job, UNITS);
  }

  private GeneratedRows() {}
}
