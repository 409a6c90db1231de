package hex.gan.core.tokens;

import hex.gan.core.DamagedException;
import hex.gan.core.codecs.Constraint;
import hex.gan.core.codecs.OrderedCodec;
import hex.gan.core.codecs.Quantiles;
import hex.gan.core.data.Condition;
import hex.gan.core.data.ConditionValues;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.ArrayMath;
import hex.gan.core.math.Normal;
import java.util.Arrays;
import java.util.Collections;

/**
 * A choice between spikes, missing and the rest; for the rest, the normal score of its rank.
 *
 * <p>Mirrors NumberTokens of h2o_gan/engine/data/tokens/number.py.
 */
final class NumberTokens extends ColumnTokens {
  private final OrderedCodec codec;
  /** (spikes,) codes that are choices: of frequent values, then of relations. */
  private final int[] spikes;
  /** (codes,) the first rank of a code's values, and how far their ranks reach. */
  private final double[] start;
  private final double[] length;
  /** The rest's values by rank. */
  private final Quantiles knots;
  /** The smallest rank that a bound can have. */
  private final double rankFloor;
  private final Token[] tokens;
  /** (spikes,) the values of spikes, whole or real; any value for relations. */
  private final long[] wholeSpikes;
  private final double[] realSpikes;

  private NumberTokens(
      int index, OrderedCodec codec, int[] spikes, double[] start, double[] length, Quantiles knots, double rankFloor,
      double[] kindShares) {
    super(index, codec);
    this.codec = codec;
    this.spikes = spikes;
    this.start = start;
    this.length = length;
    this.knots = knots;
    this.rankFloor = rankFloor;
    tokens = kindShares.length == 0
        ? new Token[] {Token.number(index, 0)}
        : new Token[] {Token.choice(index, kindShares), Token.number(index, 1)};
    Quantiles bins = codec.quantiles;
    wholeSpikes = bins.low == null ? null : new long[spikes.length];
    realSpikes = bins.low == null ? new double[spikes.length] : null;
    for (int i = 0; i < spikes.length; i++) {
      int bin = Math.min(spikes[i], bins.size() - 1);
      if (bins.low == null) {
        realSpikes[i] = bins.realLow[bin];
      } else {
        wholeSpikes[i] = bins.low[bin];
      }
    }
  }

  static NumberTokens restore(int index, OrderedCodec codec, Json item, NamedArrays arrays) throws DamagedException {
    double floor = item.get("rank_floor").number(0, 0.5);
    int[] spikes = arrays.ints("spikes");
    float[] start = arrays.floats("start");
    float[] length = arrays.floats("length");
    double[] shares = arrays.doubles("kind_shares");
    int bins = codec.quantiles.size();
    int kinds = spikes.length + (codec.hasMissing ? 1 : 0);
    int frequent = spikes.length - codec.related;
    boolean isValid = floor > 0 && frequent >= 0 && frequent < bins && areRanks(start, codec.width())
        && areRanks(length, codec.width()) && shares.length == (kinds > 0 ? kinds + 1 : 0)
        && (kinds == 0 || ArrayMath.isDistribution(shares));
    for (int i = 0; i < spikes.length; i++) {
      isValid &= i < frequent
          ? spikes[i] >= 0 && spikes[i] < bins && (i == 0 || spikes[i] > spikes[i - 1])
          : spikes[i] == codec.firstRelated() + i - frequent;
    }
    if (!isValid) {
      throw codec.columns[0].wrong("its ranks do not match its values");
    }
    Quantiles bin = codec.quantiles;
    Quantiles knots = Quantiles.restore(bin.column, arrays, "knots_", bin.step, bin.decimals);
    for (int i = 0; i < knots.size(); i++) {
      if (Double.isInfinite(knots.lowOf(i))) {
        throw codec.columns[0].wrong("its ranks do not match its values");
      }
    }
    return new NumberTokens(index, codec, spikes, widened(start), widened(length), knots, floor, shares);
  }

  private static boolean areRanks(float[] values, int codes) {
    for (float value : values) {
      if (!(value >= 0 && value <= 1)) {
        return false;
      }
    }
    return values.length == codes;
  }

  private static double[] widened(float[] values) {
    double[] found = new double[values.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = values[i];
    }
    return found;
  }

  @Override
  public Token[] tokens() {
    return tokens.clone();
  }

  @Override
  public TokenTable[] tables() {
    int codes = start.length;
    int missing = spikes.length;
    int rest = tokens[0].size - 1;
    int[] kinds = new int[codes];
    boolean[] active = new boolean[codes];
    Arrays.fill(kinds, rest);
    Arrays.fill(active, 0, codec.quantiles.size(), true);
    for (int i = 0; i < spikes.length; i++) {
      kinds[spikes[i]] = i;
      active[spikes[i]] = false;
    }
    if (codec.hasMissing) {
      kinds[codes - 1] = missing;
    }
    TokenTable number = new TokenTable(start, length, active);
    return tokens.length == 1
        ? new TokenTable[] {number}
        : new TokenTable[] {ChoiceTokens.choiceTable(kinds), number};
  }

  @Override
  public int[] related(float[][] values) {
    if (codec.related == 0) {
      return null;
    }
    int[] found = new int[values[0].length];
    int first = choiceOfRelation(0);
    for (int i = 0; i < found.length; i++) {
      int relation = (int) values[0][i] - first;
      found[i] = relation >= 0 && relation < codec.related ? relation : -1;
    }
    return found;
  }

  @Override
  public int choiceOfRelation(int relation) {
    return spikes.length - codec.related + relation;
  }

  @Override
  public Values[] decode(float[][] values, double[] uniforms, Constraint constraint) {
    float[] scores = values[tokens.length - 1];
    int rows = scores.length;
    long[] whole = knots.low == null ? null : new long[rows];
    double[] real = whole == null ? new double[rows] : null;
    boolean[] missing = new boolean[rows];
    for (int i = 0; i < rows; i++) {
      int kind = tokens.length == 2 ? (int) values[0][i] : -1;
      boolean isRest = tokens.length == 1 || kind >= tokens[0].size - 1;
      boolean isSpike = !isRest && kind < spikes.length;
      missing[i] = !isRest && !isSpike;
      if (whole == null) {
        real[i] = isSpike ? realSpikes[kind] : isRest ? knots.realAt(Normal.cdf(scores[i])) : 0;
      } else {
        whole[i] = isSpike ? wholeSpikes[kind] : isRest ? knots.wholeAt(Normal.cdf(scores[i])) : 0;
      }
    }
    Values[] range = constraint == null ? null : constraint.ranges.get(knots.column.name);
    for (int i = 0; i < rows && range != null; i++) {
      if (whole == null) {
        real[i] = ArrayMath.clip(real[i], range[0].real[0], range[1].real[0]);
      } else {
        whole[i] = ArrayMath.clip(whole[i], range[0].whole[0], range[1].whole[0]);
      }
    }
    return new Values[] {knots.of(whole, real, missing)};
  }

  @Override
  public double[][][] masks(Constraint constraint) {
    if (constraint.codes != null) {
      throw new IllegalStateException("numbers are constrained by ranges");
    }
    Values[] range = constraint.ranges.get(knots.column.name);
    if (range == null && (constraint.missing || tokens.length == 1)) {
      return new double[tokens.length][][];
    }
    Number[] limits = range == null ? null : new Number[] {number(range[0]), number(range[1])};
    double[] bounds = limits == null ? null : bounds(limits);
    double[][] ofNumber = bounds == null ? null : new double[][] {bounds};
    if (tokens.length == 1) {
      return new double[][][] {ofNumber};
    }
    double[] kinds = new double[tokens[0].size];
    for (int i = 0; i < spikes.length; i++) {
      // Whether a relation's value lies in the range shows when it is computed.
      boolean isAllowed = limits == null || i >= spikes.length - codec.related || (wholeSpikes == null
          ? ConditionValues.isWithin(limits, realSpikes[i])
          : ConditionValues.isWithin(limits, wholeSpikes[i]));
      kinds[i] = isAllowed ? 1 : 0;
    }
    kinds[kinds.length - 1] = bounds == null || bounds[0] <= bounds[1] ? 1 : 0;
    return new double[][][] {{kinds}, ofNumber};
  }

  private static Number number(Values value) {
    return value.real == null ? (Number) value.whole[0] : (Number) value.real[0];
  }

  /** Normal scores of a range, (2,); infinity and -infinity where no value of the rest lies in it. */
  private double[] bounds(Number[] limits) {
    double below = ArrayMath.clip(knots.rankBelow(limits[0]), rankFloor, 1 - rankFloor);
    double upTo = ArrayMath.clip(knots.rankUpTo(limits[1]), rankFloor, 1 - rankFloor);
    boolean isInside = ConditionValues.compare(knots.least(), limits[1]) <= 0
        && ConditionValues.compare(limits[0], knots.most()) <= 0 && below < upTo;
    return isInside
        ? new double[] {score(below), score(upTo)}
        : new double[] {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
  }

  private static double score(double rank) {
    if (rank <= 0 || rank >= 1) {
      return rank <= 0 ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }
    return Normal.quantile(rank);
  }

  @Override
  public Constraint constraint(String column, Condition wanted) {
    if (wanted.isList) {
      throw ConditionValues.noListError(column);
    }
    Number[] interval = codec.interval(wanted);
    Quantiles bins = codec.quantiles;
    if (interval == null) {
      return ofCell(column, codec.width() - 1, null);
    }
    Number low = interval[0];
    Number high = interval[1];
    if (ConditionValues.compare(low, high) == 0) {
      return ofCell(column, bins.binOf(low), low);
    }
    low = ConditionValues.compare(bins.least(), low) > 0 ? bins.least() : low;
    high = ConditionValues.compare(bins.most(), high) < 0 ? bins.most() : high;
    Values[] limits = {bins.cell(low), bins.cell(high)};
    return new Constraint(
        null, null, Collections.singletonMap(column, limits), false, -1, Collections.emptyMap());
  }

  private Constraint ofCell(String column, int code, Number value) {
    return new Constraint(null, null, Collections.emptyMap(), true, code,
        Collections.singletonMap(column, codec.quantiles.cell(value)));
  }

  @Override
  public Constraint present() {
    return new Constraint(null, null, Collections.emptyMap(), false, -1, Collections.emptyMap());
  }
}
