package hex.gan.core.codecs;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.ConditionValues;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Numbers;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.ArrayMath;
import java.util.List;

/**
 * A column of numbers or times: codes are ordered bins, then one for each relation, then missing.
 *
 * <p>Mirrors NumericCodec of h2o_gan/engine/data/codecs/numeric.py.
 */
public final class NumericCodec extends OrderedCodec {
  private final Column column;
  private final double missingShare;
  private final boolean isCategorical;
  /** (relations,) the share of rows that each relation gives the value of. */
  private final double[] relatedShares;
  private final double[] shares;
  /** Made for the first log marginals; an older one is not wrong. */
  private volatile Density density;

  private static final class Density {
    final long rows;
    final MarginalDensity density;

    Density(Quantiles quantiles, long rows) {
      this.rows = rows;
      this.density = new MarginalDensity(quantiles, rows);
    }
  }

  private NumericCodec(Quantiles quantiles, double missingShare, boolean isCategorical, double[] relatedShares) {
    super(quantiles, missingShare > 0, relatedShares.length);
    this.column = quantiles.column;
    this.missingShare = missingShare;
    this.isCategorical = isCategorical;
    this.relatedShares = relatedShares;
    double present = Math.max(1 - missingShare - sum(relatedShares), 0);
    double[] bins = quantiles.shares();
    shares = new double[bins.length + related + (hasMissing ? 1 : 0)];
    for (int i = 0; i < bins.length; i++) {
      shares[i] = bins[i] * present;
    }
    System.arraycopy(relatedShares, 0, shares, bins.length, related);
    if (hasMissing) {
      shares[shares.length - 1] = missingShare;
    }
    double total = related > 0 ? ArrayMath.sum(shares) : 1;
    for (int i = 0; i < shares.length; i++) {
      shares[i] /= total;
    }
  }

  private static double sum(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }

  static NumericCodec restore(Json item, NamedArrays arrays) throws DamagedException {
    Column column = Column.restore(item.get("column"));
    double missingShare = item.get("missing_share").number(0, 1);
    long step = item.get("step").whole(1, 1L << 62);
    int decimals = item.get("decimals").isNull() ? -1 : item.get("decimals").count(0, 8);
    String treat = item.has("treat") ? item.get("treat").text() : "auto";
    if (!treat.equals("auto") && !treat.equals("numeric") && !treat.equals("categorical")) {
      throw item.get("treat").wrong("is not a treatment of numbers");
    }
    double[] related = new double[0];
    if (item.has("related")) {
      List<Json> items = item.get("related").items();
      related = new double[items.size()];
      for (int i = 0; i < related.length; i++) {
        related[i] = items.get(i).number(0, 1);
      }
    }
    if (!column.kind.isNumber() || missingShare >= 1 || sum(related) > 1 + 1e-6) {
      throw column.wrong("is not a column of numbers");
    }
    Quantiles quantiles = Quantiles.restore(column, arrays, "", step, decimals);
    return new NumericCodec(quantiles, missingShare, treat.equals("categorical"), related);
  }

  @Override
  public double[] shares() {
    return shares;
  }

  @Override
  public int[] encode(Values[] values, int[] related) {
    boolean[] missing = values[0].absent();
    int absent = hasMissing ? shares.length - 1 : UNKNOWN;
    int bins = quantiles.size();
    int[] codes = new int[missing.length];
    long[] whole = quantiles.low == null ? null : Numbers.whole(values[0]);
    double[] real = whole == null ? Numbers.real(values[0]) : null;
    for (int i = 0; i < codes.length; i++) {
      if (missing[i]) {
        codes[i] = absent;
      } else if (related != null && related[i] >= 0) {
        codes[i] = bins + related[i];
      } else {
        int count = whole == null
            ? ArrayMath.countUpTo(quantiles.realLow, real[i])
            : ArrayMath.countUpTo(quantiles.low, whole[i]);
        codes[i] = Math.max(count - 1, 0);
      }
    }
    return codes;
  }

  @Override
  public Values[] decode(int[] codes, double[] uniforms, Constraint constraint) {
    int bins = quantiles.size();
    long[] whole = quantiles.low == null ? null : new long[codes.length];
    double[] real = whole == null ? new double[codes.length] : null;
    boolean[] missing = new boolean[codes.length];
    for (int i = 0; i < codes.length; i++) {
      missing[i] = codes[i] >= bins + related;
      // Values that a relation gives are computed later; any value stands for them.
      int bin = codes[i] >= bins ? 0 : codes[i];
      if (whole == null) {
        real[i] = quantiles.realLow[bin];
      } else {
        whole[i] = quantiles.low[bin];
      }
    }
    return new Values[] {quantiles.of(whole, real, missing)};
  }

  @Override
  public double[] logMarginal(Values[] values, long rows, int[] related) {
    boolean[] missing = values[0].absent();
    // As doubles: the distance of a fraction from whole numbers counts.
    double[] numbers = Numbers.doubles(values[0], column.kind == Kind.TIME ? Kind.TIME : Kind.REAL);
    if (isCategorical) {
      return logShares(encode(values, related), values[0], numbers, missing, rows);
    }
    Density known = density;
    if (known == null || known.rows != rows) {
      known = new Density(quantiles, rows);
      density = known;
    }
    double[] logs = known.density.logDensity(numbers);
    double present = MarginalDensity.logShare(1 - missingShare - sum(relatedShares), rows);
    double absent = MarginalDensity.logShare(missingShare, rows);
    for (int i = 0; i < logs.length; i++) {
      if (missing[i]) {
        logs[i] = absent;
      } else if (related != null && related[i] >= 0) {
        logs[i] = MarginalDensity.logShare(relatedShares[related[i]], rows);
      } else {
        logs[i] += present;
      }
    }
    return logs;
  }

  private double[] logShares(int[] codes, Values values, double[] numbers, boolean[] missing, long rows) {
    double[] logs = new double[codes.length];
    long[] times = column.kind == Kind.TIME ? Numbers.whole(values) : null;
    for (int i = 0; i < logs.length; i++) {
      int code = codes[i];
      boolean isKnown = missing[i] || code >= quantiles.size()
          || (times == null ? quantiles.lowOf(code) == numbers[i] : quantiles.low[code] == times[i]);
      logs[i] = MarginalDensity.logShare(isKnown && code != UNKNOWN ? shares[code] : 0, rows);
    }
    return logs;
  }

  @Override
  public Constraint constraint(String name, Condition wanted) {
    boolean[] allowed = new boolean[shares.length];
    if (ConditionValues.isMissingOnly(wanted)) {
      checkMissing();
      allowed[allowed.length - 1] = true;
      return Constraint.ofCodes(allowed, null);
    }
    Number[] range = ConditionValues.rangeOf(column, wanted);
    List<Number> listed = wanted.isList ? ConditionValues.numbers(column, wanted) : null;
    boolean any = false;
    for (int i = 0; i < quantiles.size(); i++) {
      allowed[i] = quantiles.low == null
          ? ConditionValues.isWithin(range, quantiles.realLow[i])
              && (listed == null || ConditionValues.isAmong(listed, quantiles.realLow[i]))
          : ConditionValues.isWithin(range, quantiles.low[i])
              && (listed == null || ConditionValues.isAmong(listed, quantiles.low[i]));
      any |= allowed[i];
    }
    if (wanted.isList && wanted.values.contains(null)) {
      checkMissing();
      allowed[allowed.length - 1] = true;
      any = true;
    }
    if (!any) {
      throw outside(wanted);
    }
    return Constraint.ofCodes(allowed, null);
  }

  @Override
  public Number[] interval(Condition wanted) {
    if (wanted.isMissing()) {
      checkMissing();
      return null;
    }
    Number[] range = ConditionValues.rangeOf(column, wanted);
    boolean exact = ConditionValues.compare(range[0], range[1]) == 0;
    Number low = ConditionValues.onGrid(column, quantiles.decimals, range[0], true);
    Number high = exact ? low : ConditionValues.onGrid(column, quantiles.decimals, range[1], false);
    if (ConditionValues.compare(low, high) > 0 || ConditionValues.compare(high, quantiles.least()) < 0
        || ConditionValues.compare(low, quantiles.most()) > 0) {
      throw outside(wanted);
    }
    return new Number[] {low, high};
  }

  private void checkMissing() {
    if (!hasMissing) {
      throw ConditionValues.noMissingError(column.name);
    }
  }

  private IllegalArgumentException outside(Condition wanted) {
    return ConditionValues.noValueError(column.name, wanted, ConditionValues.valueText(column, quantiles.least()),
        ConditionValues.valueText(column, quantiles.most()));
  }
}
