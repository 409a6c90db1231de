package hex.gan.generate;

import hex.gan.core.GanModel;
import hex.gan.core.Rows;
import hex.gan.core.data.Condition;
import java.util.Collections;
import java.util.Map;
import water.Iced;

/** Which rows a model makes: a sample, or those of a frame with their missing cells filled. */
public final class Recipe extends Iced<Recipe> {
  private final boolean fills;
  private final long rows;
  private final long seed;
  /** As JSON; null for none. */
  private final String conditions;
  private final String balance;
  private final double temperature;

  private Recipe(boolean fills, long rows, long seed, String conditions, String balance, double temperature) {
    this.fills = fills;
    this.rows = rows;
    this.seed = seed;
    this.conditions = conditions;
    this.balance = balance;
    this.temperature = temperature;
  }

  /**
   * A sample.
   *
   * @param conditions see {@link Conditions}; null for none
   * @param balance a column whose levels occur in equal numbers; null for none
   */
  public static Recipe sample(long rows, long seed, String conditions, String balance, double temperature) {
    return new Recipe(false, rows, seed, conditions, balance, temperature);
  }

  /** The rows of a frame whose missing cells are filled. */
  public static Recipe imputation(long seed) {
    return new Recipe(true, 0, seed, null, null, 1);
  }

  /**
   * Prepares the rows.
   *
   * @throws IllegalArgumentException an argument does not fit the model
   * @throws hex.gan.core.UnreachableException no row can meet the conditions
   */
  Rows rows(GanModel model) {
    return fills ? model.imputation(seed) : model.sample(rows, seed, conditions(model), balance, temperature);
  }

  /** Whether the conditions alone give the values of a rule's columns in every row, so that they repeat. */
  boolean fixes(GanModel model, GanModel.UniqueRule rule) {
    return rule.isGivenBy(conditions(model));
  }

  private Map<String, Condition> conditions(GanModel model) {
    return conditions == null ? Collections.emptyMap() : Conditions.parse(conditions, model.columns());
  }

  long seed() {
    return seed;
  }

  long rows() {
    return rows;
  }
}
