package hex.gan;

import com.google.gson.JsonObject;
import hex.Model;
import hex.ModelBuilder;
import hex.ModelCategory;
import hex.gan.work.Watch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import water.DKV;
import water.Job;
import water.Key;
import water.KeySnapshot;
import water.Paxos;
import water.exceptions.H2OIllegalArgumentException;
import water.exceptions.H2OModelBuilderIllegalArgumentException;

/**
 * The entry "GAN: generate rows" of Flow's menu of models: a form, whose job generates rows of a GAN as a new frame.
 *
 * <p>Flow draws forms for builders of models only. This one builds a frame: its job's result is that frame, which
 * Flow opens.
 */
@SuppressWarnings({"unchecked", "rawtypes"}) // There is no class of models to name.
public final class GANRows extends ModelBuilder {
  /** What to generate. */
  public static final class GANRowsParameters extends Model.Parameters {
    public String _model;
    public long _rows = 1000;
    public String _frame;
    public String _conditions;
    public String _balance;
    public double _temperature = 1;
    public double _wait_for_worker_secs = GenerateRequest.PATIENCE_S;

    @Override
    public String algoName() {
      return "GANRows";
    }

    @Override
    public String fullName() {
      return "GAN: generate rows";
    }

    @Override
    public String javaName() {
      return GANModel.class.getName();
    }

    @Override
    public long progressUnits() {
      return Watch.UNITS;
    }
  }

  /** Makes the builder that H2O registers. */
  public GANRows(boolean startup) {
    super(new GANRowsParameters(), startup, "hex.gan.");
    clearInitState(); // A list of algorithms is not to show what a new form lacks.
  }

  private GANRowsParameters asked() {
    return (GANRowsParameters) _parms;
  }

  @Override
  public ModelCategory[] can_build() {
    return new ModelCategory[] {ModelCategory.Unknown};
  }

  @Override
  public BuilderVisibility builderVisibility() {
    return BuilderVisibility.Stable;
  }

  @Override
  public boolean isSupervised() {
    return false;
  }

  /** Checks the parameters; there is no training frame. */
  @Override
  public void init(boolean expensive) {
    clearInitState();
    hide("_training_frame", "Rows are of a model."); // Flow clears the errors of a form only where it gets a message.
    if (Paxos._cloudLocked) { // Reading the store locks a cluster that is still forming.
      GANModel model = model();
      if (model != null) {
        request(model);
      }
      String frame = asked()._frame;
      String refusal = isGiven(frame) ? GeneratedRows.refusal(frame) : null;
      if (refusal != null) {
        error("_frame", "frame: " + refusal + "; choose another.");
      }
    }
  }

  /** The model that the parameters name or, where they name none, the GAN that was trained last. */
  private GANModel model() {
    if (isGiven(asked()._model)) {
      Object found = DKV.getGet(asked()._model);
      if (found instanceof GANModel && ((GANModel) found).artifact() != null) {
        return (GANModel) found;
      }
      error(
          "_model", "model: '" + asked()._model + "' is not a trained GAN of the cluster; there are " + names(trained())
              + ".");
      return null;
    }
    GANModel last = null;
    for (GANModel model : trained()) {
      last = last == null || model._output._end_time > last._output._end_time ? model : last;
    }
    if (last == null) {
      error("_model", "model: the cluster has no trained GAN: train one first.");
    }
    return last;
  }

  private static List<GANModel> trained() {
    List<GANModel> models = new ArrayList<>();
    for (Key<?> key : KeySnapshot.globalKeysOfClass(GANModel.class)) {
      Object model = DKV.getGet(key);
      if (model instanceof GANModel && ((GANModel) model).artifact() != null) {
        models.add((GANModel) model);
      }
    }
    return models;
  }

  private static String names(List<GANModel> models) {
    StringBuilder names = new StringBuilder();
    for (GANModel model : models) {
      names.append(names.length() == 0 ? "" : ", ").append(model._key);
    }
    return models.isEmpty() ? "none" : names.toString();
  }

  /** What to generate as JSON, as POST /3/GAN/models/{id}/generate takes it; reports each error at its field. */
  private JsonObject request(GANModel model) {
    JsonObject request = new JsonObject();
    request.addProperty("rows", asked()._rows);
    if (asked()._rows < 1 || asked()._rows > RowsRequest.MOST) {
      error("_rows", "rows must be from 1 to " + RowsRequest.MOST + ", not " + asked()._rows + ".");
    }
    String full = Memory.refusal(asked()._rows, model._row_bytes, 0);
    if (full != null) {
      error("_rows", full + ".");
    }
    if (asked()._seed < -1) {
      error("_seed", "seed must be at least -1, not " + asked()._seed + ".");
    }
    if (asked()._seed >= 0) {
      request.addProperty("seed", asked()._seed);
    }
    if (!(asked()._temperature > 0) || Double.isInfinite(asked()._temperature)) {
      error("_temperature", "temperature must be a number above 0, not " + asked()._temperature + ".");
    }
    request.addProperty("temperature", asked()._temperature);
    double patience = asked()._wait_for_worker_secs;
    if (!(patience >= 0) || Double.isInfinite(patience)) {
      error("_wait_for_worker_secs", "wait_for_worker_secs must be at least 0, not " + patience + ".");
    }
    try {
      if (isGiven(asked()._conditions)) {
        request.add("conditions", FormConditions.parse(asked()._conditions, model));
        new ConditionsCheck(model).conditions(request.get("conditions"));
      }
    } catch (Requests.Refusal refusal) {
      error("_conditions", refusal.getMessage() + ".");
    }
    try {
      if (isGiven(asked()._balance)) {
        request.addProperty("balance", asked()._balance);
        new ConditionsCheck(model).column(asked()._balance, "balance");
      }
    } catch (Requests.Refusal refusal) {
      error("_balance", refusal.getMessage() + ".");
    }
    return request;
  }

  private static boolean isGiven(String text) {
    return text != null && !text.isEmpty();
  }

  /** Starts the job, whose result is a frame. */
  @Override
  public Job trainModelOnH2ONode() {
    GANModel model = error_count() > 0 ? null : model();
    if (model == null) {
      throw H2OModelBuilderIllegalArgumentException.makeFromBuilder(this);
    }
    String name = model._key.toString();
    JsonObject request = request(model);
    request.addProperty("destination_frame", isGiven(asked()._frame) ? asked()._frame : GeneratedRows.key(name));
    request.addProperty("wait_for_worker_secs", asked()._wait_for_worker_secs);
    try {
      return new GenerateRequest(model, request).job();
    } catch (IOException | Requests.Refusal refusal) {
      throw new H2OIllegalArgumentException(refusal.getMessage());
    }
  }

  @Override
  protected Driver trainModelImpl() {
    throw new H2OIllegalArgumentException("GANRows generates rows and trains no model: it has no grid and no segments");
  }
}
