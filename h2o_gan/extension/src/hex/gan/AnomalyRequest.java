package hex.gan;

import com.google.gson.JsonObject;
import hex.gan.score.Prediction;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import water.Key;
import water.exceptions.H2OIllegalArgumentException;
import water.fvec.Frame;

/** A request for the anomaly scores of a frame's rows, or for the share of each column in them, as a new frame. */
final class AnomalyRequest extends RowsRequest {
  private static final Set<String> KEYS = new LinkedHashSet<>(Arrays.asList("frame", "per_feature", "destination_frame"));

  AnomalyRequest(GANModel model, JsonObject body) {
    super(model, body);
  }

  @Override
  String start() throws Requests.Refusal {
    Requests.only(body, KEYS);
    Frame frame = frame();
    Prediction.Kind kind =
        Requests.flag(body, "per_feature") ? Prediction.Kind.SHARES : Prediction.Kind.SCORE;
    Prediction prediction;
    try {
      prediction = new Prediction(model.artifact(), frame, kind);
    } catch (H2OIllegalArgumentException e) {
      throw new Requests.Refusal(400, e.getMessage());
    }
    String full = Memory.refusal(frame.numRows(), prediction.rowBytes(), prediction.nodeBytes());
    if (full != null) {
      throw new Requests.Refusal(413, full);
    }
    Key<Frame> made = destination();
    return answer(start(made, "gan anomaly scores", frame, job -> prediction.make(made, false, job)));
  }
}
