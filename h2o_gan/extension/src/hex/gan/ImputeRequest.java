package hex.gan;

import com.google.gson.JsonObject;
import hex.gan.core.DamagedException;
import hex.gan.core.GanModel;
import hex.gan.core.UnreachableException;
import hex.gan.generate.Making;
import hex.gan.generate.Recipe;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import water.Key;
import water.fvec.Frame;

/** A request to fill the missing values of a frame, as a new frame. */
final class ImputeRequest extends RowsRequest {
  private static final Set<String> KEYS =
      new LinkedHashSet<>(Arrays.asList("frame", "seed", "method", "destination_frame"));
  private static final String DRAW = "draw";

  ImputeRequest(GANModel model, JsonObject body) {
    super(model, body);
  }

  @Override
  String start() throws IOException, Requests.Refusal {
    Requests.only(body, KEYS);
    Frame frame = frame();
    long seed = seed();
    String method = Requests.text(body, "method", DRAW);
    if (!method.equals(DRAW)) {
      throw new Requests.Refusal(
          400, "method='" + method + "' is not for the cluster, which takes 'draw'; "
              + "impute of the Python class H2OGANEstimator has 'mean' and 'mode' too");
    }
    GanModel loaded;
    Making making;
    try {
      loaded = loaded();
      making = Making.imputation(model.artifact(), loaded, Recipe.imputation(seed), frame);
    } catch (DamagedException | IllegalArgumentException | UnreachableException e) {
      throw new Requests.Refusal(400, e.getMessage());
    }
    long rows = frame.numRows();
    String full = Memory.refusal(
        rows, GANModel.rowBytes(frame) + Making.rowBytes(loaded), Making.nodeBytes(loaded));
    if (full != null) {
      throw new Requests.Refusal(413, full);
    }
    Key<Frame> made = destination();
    return answer(start(made, "gan imputation", frame, job -> making.make(made, job, rows)), seed, "cluster");
  }
}
