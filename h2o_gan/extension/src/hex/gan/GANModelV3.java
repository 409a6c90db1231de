package hex.gan;

import java.util.Arrays;
import java.util.List;
import water.AutoBuffer;
import water.DKV;
import water.api.API;
import water.api.schemas3.KeyV3.FrameKeyV3;
import water.api.schemas3.ModelOutputSchemaV3;
import water.api.schemas3.ModelSchemaV3;
import water.api.schemas3.TwoDimTableV3;
import water.fvec.Frame;

/** A model as REST and Flow see it. */
public final class GANModelV3
    extends ModelSchemaV3<
        GANModel, GANModelV3, GANModel.GANParameters, GANV3.GANParametersV3, GANModel.GANOutput, GANModelV3.GANModelOutputV3> {
  /** The outputs that other models do not have. */
  public static final class GANModelOutputV3 extends ModelOutputSchemaV3<GANModel.GANOutput, GANModelOutputV3> {
    /**
     * Fields of H2O that say nothing of a GAN, and that Flow prints raw. R reads {@code names}; to print a model,
     * Python reads its metrics, those of a cross-validation too.
     */
    private static final List<String> LEFT_OUT = Arrays.asList(
        "help", "domains", "column_types", "original_names", "status", "start_time", "end_time", "default_threshold",
        "cv_scoring_history", "cross_validation_models", "cross_validation_predictions",
        "cross_validation_holdout_predictions_frame_id", "cross_validation_fold_assignment_frame_id");
    /** Fields that are left out where there is nothing to show. */
    private static final List<String> OPTIONAL = Arrays.asList(
        "generated_frame", "quality", "report", "report_columns", "report_attacks");

    @API(help = "Rows that the training generated, where it was asked to.", direction = API.Direction.OUTPUT)
    public FrameKeyV3 generated_frame;

    @API(help = "How well generated rows fit the data.", direction = API.Direction.OUTPUT)
    public TwoDimTableV3 quality;

    @API(
        help = "How good and how private the model's rows are, beside what unseen real rows reach.",
        direction = API.Direction.OUTPUT)
    public TwoDimTableV3 report;

    @API(help = "How close the distribution of each column is.", direction = API.Direction.OUTPUT)
    public TwoDimTableV3 report_columns;

    @API(help = "How well attackers tell training rows from unseen ones.", direction = API.Direction.OUTPUT)
    public TwoDimTableV3 report_attacks;

    @API(help = "How the model treats each column.", direction = API.Direction.OUTPUT)
    public TwoDimTableV3 column_summary;

    @API(
        help = "Formulas and rules between columns, found in the training rows or declared.",
        direction = API.Direction.OUTPUT)
    public TwoDimTableV3 relation_summary;

    @Override
    public GANModelOutputV3 fillFromImpl(GANModel.GANOutput output) {
      super.fillFromImpl(output);
      // A frame that was removed meanwhile, or a key that is another object's by now, is no link.
      Object rows = output._rows == null ? null : DKV.getGet(output._rows);
      generated_frame = rows instanceof Frame ? new FrameKeyV3(output._rows) : null;
      return this;
    }

    @Override
    public AutoBuffer writeJSON(AutoBuffer ab) {
      return SchemaJson.write(ab, super.writeJSON(new AutoBuffer()), json -> {
        SchemaJson.remove(json, LEFT_OUT);
        SchemaJson.removeNulls(json, OPTIONAL);
      });
    }
  }

  @Override
  public AutoBuffer writeJSON(AutoBuffer ab) {
    return SchemaJson.write(ab, super.writeJSON(new AutoBuffer()), json -> SchemaJson.replaceHelp(json, GANV3.help()));
  }

  @Override
  public GANV3.GANParametersV3 createParametersSchema() {
    return new GANV3.GANParametersV3();
  }

  @Override
  public GANModelOutputV3 createOutputSchema() {
    return new GANModelOutputV3();
  }
}
