package hex.gan;

import hex.Model;

/**
 * The parameters that h2o_gan/parameters declares, generated from there. Where a parameter may be absent, a number here
 * is below its range.
 */
public abstract class DeclaredParameters extends Model.Parameters {
${enums}

${fields}

  /**
   * Checks each value by itself.
   *
   * @param modelId the name that the model gets; null for a new name
   */
  void check(ParameterCheck check, String modelId) {
${checks}
  }

  /** Adds each value that is set to the JSON for a worker. */
  void write(ParametersJson json) {
${writes}
  }
}
