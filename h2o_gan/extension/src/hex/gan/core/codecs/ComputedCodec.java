package hex.gan.core.codecs;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.ConditionValues;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;

/**
 * A column that no network learns: its values follow from other columns.
 *
 * <p>Mirrors ComputedCodec of h2o_gan/engine/data/codecs/computed.py.
 */
public final class ComputedCodec extends Codec {
  private final Column column;
  /** Share of missing values. */
  public final double missingShare;

  private ComputedCodec(Column column, double missingShare) {
    super(column);
    this.column = column;
    this.missingShare = missingShare;
  }

  static ComputedCodec restore(Json item) throws DamagedException {
    Column column = Column.restore(item.get("column"));
    double missingShare = item.get("missing_share").number(0, 1);
    if (!column.kind.isNumber()) {
      throw column.wrong("is not a column of numbers");
    }
    return new ComputedCodec(column, missingShare);
  }

  /**
   * The cell that a condition gives to every row.
   *
   * @param low smallest value of the column in training
   * @param high largest value
   * @param decimals of a real column; negative where its values are not rounded
   * @return one value; null where the condition leaves a choice
   * @throws IllegalArgumentException no value of the column meets the condition
   */
  public Values given(Condition wanted, double low, double high, int decimals) {
    if (ConditionValues.isMissingOnly(wanted)) {
      if (missingShare == 0) {
        throw ConditionValues.noMissingError(column.name);
      }
      return null;
    }
    Number[] range = ConditionValues.rangeOf(column, wanted);
    if (ConditionValues.compare(range[1], low) < 0 || ConditionValues.compare(range[0], high) > 0) {
      throw ConditionValues.noValueError(column.name, wanted, ConditionValues.valueText(column, low),
          ConditionValues.valueText(column, high));
    }
    if (wanted.isList || ConditionValues.compare(range[0], range[1]) != 0) {
      return null;
    }
    return Quantiles.cell(column, ConditionValues.onGrid(column, decimals, range[0], true));
  }
}
