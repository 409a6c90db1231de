package hex.gan;

import hex.schemas.ModelBuilderSchema;
import java.util.HashMap;
import java.util.Map;
import water.AutoBuffer;
import water.api.API;
import water.api.schemas3.ModelParametersSchemaV3;

/** The algorithm's parameters as REST, Flow and grids see them, generated from h2o_gan/parameters. */
public final class GANV3 extends ModelBuilderSchema<GAN, GANV3, GANV3.GANParametersV3> {
  /** The parameters. */
  public static final class GANParametersV3 extends ModelParametersSchemaV3<GANModel.GANParameters, GANParametersV3> {
    /** Names of the parameters, in Flow's order. */
    public static String[] fields = {
${names}
    };

${fields}
  }

  @Override
  public AutoBuffer writeJSON(AutoBuffer ab) {
    return SchemaJson.write(ab, super.writeJSON(new AutoBuffer()), json -> SchemaJson.replaceHelp(json, help()));
  }

  /** Help texts of parameters that H2O declares for every algorithm, where its own do not fit a GAN. */
  static Map<String, String> help() {
    Map<String, String> help = new HashMap<>();
${help}
    return help;
  }
}
