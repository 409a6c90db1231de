package hex.gan;

import water.AutoBuffer;
import water.api.API;
import water.api.schemas3.ModelOutputSchemaV3;
import water.api.schemas3.ModelSchemaV3;
import water.api.schemas3.TwoDimTableV3;

/** A model as REST and Flow see it. */
public final class GANModelV3
    extends ModelSchemaV3<
        GANModel, GANModelV3, GANModel.GANParameters, GANV3.GANParametersV3, GANModel.GANOutput, GANModelV3.GANModelOutputV3> {
  /** The outputs that other models do not have. */
  public static final class GANModelOutputV3 extends ModelOutputSchemaV3<GANModel.GANOutput, GANModelOutputV3> {
    @API(help = "How the model treats each column.", direction = API.Direction.OUTPUT)
    public TwoDimTableV3 column_summary;

    @API(
        help = "Formulas and rules between columns, found in the training rows or declared.",
        direction = API.Direction.OUTPUT)
    public TwoDimTableV3 relation_summary;
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
