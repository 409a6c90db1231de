package hex.gan;

import com.google.gson.JsonObject;
import hex.gan.cache.ModelCache;
import hex.gan.core.GanModel;
import java.io.IOException;
import java.security.SecureRandom;
import water.DKV;
import water.Job;
import water.Key;
import water.api.schemas3.JobV3;
import water.fvec.Frame;

/** What requests for new rows have in common: the seed, the key of the frame, and the answer. */
abstract class RowsRequest {
  /** Largest number of rows: doubles hold all integers up to it. */
  static final long MOST = 1L << 53;

  final GANModel model;
  final JsonObject body;

  RowsRequest(GANModel model, JsonObject body) {
    this.model = model;
    this.body = body;
  }

  /** Checks everything, starts the job and returns the answer. */
  abstract String start() throws IOException, Requests.Refusal;

  /** The seed; a random one where none is given. */
  long seed() throws Requests.Refusal {
    Long seed = Requests.seed(body);
    return seed == null ? randomSeed() : seed;
  }

  static long randomSeed() {
    return new SecureRandom().nextLong() >>> 11;
  }

  /** The free key of the new frame. */
  Key<Frame> destination() throws Requests.Refusal {
    String frame = FramesServlet.free(Requests.text(body, "destination_frame", "gan_frame_" + Key.rand()));
    if (frame.isEmpty()) {
      throw new Requests.Refusal(400, "destination_frame is empty");
    }
    if (DKV.get(frame) != null) {
      throw new Requests.Refusal(409, "the cluster already has something under the key '" + frame + "'");
    }
    return Key.make(frame);
  }

  /** The model, loaded on this node. */
  GanModel loaded() throws IOException, Requests.Refusal {
    try {
      return ModelCache.get(model.artifact());
    } catch (ModelCache.MemoryException e) {
      throw new Requests.Refusal(413, e.getMessage());
    }
  }

  /** The frame that a request is about. */
  Frame frame() throws Requests.Refusal {
    String key = Requests.text(body, "frame");
    Object found = DKV.getGet(key);
    if (!(found instanceof Frame)) {
      throw new Requests.Refusal(404, "there is no frame '" + key + "' in the cluster");
    }
    return (Frame) found;
  }

  /** Starts a job that reads a frame, which cannot be removed until the job ends. */
  static Job<Frame> start(Key<Frame> made, String description, Frame read, RowsJob.Work work) {
    return RowsJob.start(made, description, read.numRows(), job -> {
      read.read_lock(job._key);
      try {
        work.run(job);
      } finally {
        read.unlock(job._key, false);
      }
    });
  }

  static String answer(Job<Frame> job, long seed, String backend) {
    return "{\"job\":" + new JobV3(job).toJsonString() + ",\"seed\":" + seed + ",\"backend\":\"" + backend + "\"}";
  }

  static String answer(Job<Frame> job) {
    return "{\"job\":" + new JobV3(job).toJsonString() + "}";
  }
}
