package hex.gan.core.codecs;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.Kind;
import hex.gan.core.data.LevelIndex;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.ArrayMath;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An enum: codes are indices among the levels that occur, then missing.
 *
 * <p>Mirrors CategoricalCodec of h2o_gan/engine/data/codecs/categorical.py.
 */
public final class CategoricalCodec extends LearnedCodec {
  private final Column column;
  /** (levels seen,) indices in the column's levels. */
  private final int[] observed;
  private final double[] shares;
  private final LevelIndex index;
  /** (levels + 1,) the code of each level; UNKNOWN for those not seen, and at the end. */
  private final int[] codeOf;

  private CategoricalCodec(Column column, int[] observed, double[] shares, boolean hasMissing) {
    super(hasMissing, 0, column);
    this.column = column;
    this.observed = observed;
    this.shares = shares;
    this.index = new LevelIndex(column);
    this.codeOf = new int[column.levels.size() + 1];
    Arrays.fill(codeOf, UNKNOWN);
    for (int code = 0; code < observed.length; code++) {
      codeOf[observed[code]] = code;
    }
  }

  static CategoricalCodec restore(Json item, NamedArrays arrays) throws DamagedException {
    Column column = Column.restore(item.get("column"));
    boolean hasMissing = item.get("has_missing").flag();
    int[] observed = arrays.ints("observed");
    double[] shares = arrays.doubles("shares");
    boolean isValid = column.kind == Kind.ENUM && arrays.names().size() == 2 && observed.length > 0
        && shares.length == observed.length + (hasMissing ? 1 : 0) && ArrayMath.isDistribution(shares);
    for (int level : observed) {
      isValid &= level >= 0 && level < column.levels.size();
    }
    if (!isValid) {
      throw column.wrong("the arrays of its levels do not match");
    }
    return new CategoricalCodec(column, observed, shares, hasMissing);
  }

  @Override
  public double[] shares() {
    return shares;
  }

  @Override
  public boolean hasLevels() {
    return true;
  }

  @Override
  public int[] encode(Values[] values, int[] related) {
    int[] codes = index.of(values[0]);
    for (int i = 0; i < codes.length; i++) {
      codes[i] = hasMissing && values[0].missing[i] ? observed.length : codeOf[codes[i]];
    }
    return codes;
  }

  @Override
  public Values[] decode(int[] codes, double[] uniforms, Constraint constraint) {
    long[] levels = new long[codes.length];
    boolean[] missing = new boolean[codes.length];
    for (int i = 0; i < codes.length; i++) {
      missing[i] = codes[i] >= observed.length;
      levels[i] = observed[missing[i] ? 0 : codes[i]];
    }
    return new Values[] {Values.levels(levels, column.levels, missing)};
  }

  @Override
  public double[] logMarginal(Values[] values, long rows, int[] related) {
    int[] codes = encode(values, related);
    double[] logs = new double[codes.length];
    for (int i = 0; i < logs.length; i++) {
      logs[i] = MarginalDensity.logShare(codes[i] == UNKNOWN ? 0 : shares[codes[i]], rows);
    }
    return logs;
  }

  @Override
  public Constraint constraint(String name, Condition wanted) {
    Map<String, Integer> seen = new LinkedHashMap<>();
    for (int code = 0; code < observed.length; code++) {
      seen.put(column.levels.get(observed[code]), code);
    }
    boolean[] allowed = new boolean[shares.length];
    for (Object level : wanted.values) {
      Integer code = level == null ? null : seen.get(Messages.plain(level));
      if (level == null && hasMissing) {
        code = observed.length;
      }
      if (code == null) {
        List<String> known = new ArrayList<>(seen.keySet());
        throw new IllegalArgumentException("conditions: column " + Messages.quoted(name) + " has no level "
            + Messages.shown(level) + " in the training data; it has " + Messages.listed(known) + ".");
      }
      allowed[code] = true;
    }
    if (wanted.values.isEmpty()) {
      throw new IllegalArgumentException(
          "conditions: column " + Messages.quoted(name) + " has an empty list of levels.");
    }
    return Constraint.ofCodes(allowed, null);
  }
}
