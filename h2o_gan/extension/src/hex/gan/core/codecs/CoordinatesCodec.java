package hex.gan.core.codecs;

import hex.gan.core.DamagedException;
import hex.gan.core.data.Column;
import hex.gan.core.data.Condition;
import hex.gan.core.data.ConditionValues;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Numbers;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.NamedArrays;
import hex.gan.core.math.ArrayMath;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * Two numeric columns that are a point together: codes are cells, then missing.
 *
 * <p>Mirrors CoordinatesCodec of h2o_gan/engine/data/codecs/coordinates.py.
 */
public final class CoordinatesCodec extends LearnedCodec {
  /** Fewest training rows in a cell. */
  private static final int MIN_ROWS = 5;
  private static final int ARRAYS = 11;
  private static final String[] SIDES = {"first_", "second_"};

  /** The cells of the training points. */
  public final Cells cells;
  private final double[] shares;
  /** Of each column; negative where values are not rounded. */
  private final int[] decimals;
  /** The distance of neighbouring values of each column; a small one where there is no grid. */
  private final double[] steps = new double[2];
  /** The unit of distances of each column. */
  private final double[] units = new double[2];
  /** (cells,) log share less the logarithms of the sides. */
  private final double[] logDensities;

  private CoordinatesCodec(Column[] columns, Cells cells, double[] shares, boolean hasMissing, int[] decimals) {
    super(hasMissing, 0, columns);
    this.cells = cells;
    this.shares = shares;
    this.decimals = decimals;
    logDensities = new double[cells.size()];
    for (int cell = 0; cell < logDensities.length; cell++) {
      logDensities[cell] = Math.log(Math.max(shares[cell], 1e-300));
    }
    for (int side = 0; side < 2; side++) {
      double extent = cells.most(side) - cells.least(side);
      steps[side] = decimals[side] < 0 ? 1e-6 * Math.max(extent, 1e-9) : Math.pow(10, -decimals[side]);
      units[side] = Math.max(extent, steps[side]) / Math.sqrt(cells.size());
      for (int cell = 0; cell < logDensities.length; cell++) {
        double length = Math.max(cells.high[side][cell] - cells.low[side][cell], steps[side]);
        logDensities[cell] -= Math.log(length / units[side]);
      }
    }
  }

  static CoordinatesCodec restore(Json item, NamedArrays arrays) throws DamagedException {
    List<Json> parts = item.get("columns").items();
    List<Json> places = item.get("decimals").items();
    if (parts.size() != 2 || places.size() != 2) {
      throw item.wrong("does not have two columns");
    }
    boolean hasMissing = item.get("has_missing").flag();
    Column[] columns = {Column.restore(parts.get(0)), Column.restore(parts.get(1))};
    int[] decimals = new int[2];
    for (int side = 0; side < 2; side++) {
      decimals[side] = places.get(side).isNull() ? -1 : places.get(side).count(0, 8);
    }
    int[] axis = arrays.ints("axis");
    double[] cut = arrays.doubles("cut");
    double[] shares = arrays.doubles("shares");
    int count = (axis.length + 1) / 2;
    boolean isValid = arrays.names().size() == ARRAYS && isNumeric(columns[0]) && isNumeric(columns[1])
        && !columns[0].name.equals(columns[1].name)
        && Cells.isTree(axis) && cut.length == axis.length && areFinite(cut)
        && shares.length == count + (hasMissing ? 1 : 0) && ArrayMath.isDistribution(shares);
    double[][] low = sides(arrays, "low");
    double[][] high = sides(arrays, "high");
    double[][] start = sides(arrays, "start");
    double[][] length = sides(arrays, "length");
    for (int side = 0; side < 2; side++) {
      for (double[] array : new double[][] {low[side], high[side], start[side], length[side]}) {
        isValid &= array.length == count && areFinite(array);
      }
    }
    if (!isValid) {
      throw columns[0].wrong("the arrays of its cells do not match");
    }
    for (int side = 0; side < 2; side++) {
      for (int cell = 0; cell < count; cell++) {
        if (low[side][cell] > high[side][cell] || start[side][cell] < 0 || length[side][cell] <= 0) {
          throw columns[0].wrong("its cells are not rectangles");
        }
        if (start[side][cell] + length[side][cell] > 1 + 1e-9) {
          throw columns[0].wrong("its cells have no ranks");
        }
      }
    }
    return new CoordinatesCodec(
        columns, new Cells(axis, cut, low, high, start, length), shares, hasMissing, decimals);
  }

  private static boolean isNumeric(Column column) {
    return column.kind == Kind.INT || column.kind == Kind.REAL;
  }

  private static double[][] sides(NamedArrays arrays, String name) throws DamagedException {
    return new double[][] {arrays.doubles(SIDES[0] + name), arrays.doubles(SIDES[1] + name)};
  }

  private static boolean areFinite(double[] values) {
    for (double value : values) {
      if (Double.isNaN(value) || Double.isInfinite(value)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public double[] shares() {
    return shares;
  }

  @Override
  public int[] encode(Values[] values, int[] related) {
    double[] first = Numbers.doubles(values[0], columns[0].kind);
    double[] second = Numbers.doubles(values[1], columns[1].kind);
    boolean[] missing = missing(values);
    int[] codes = new int[missing.length];
    for (int i = 0; i < codes.length; i++) {
      codes[i] = missing[i] ? (hasMissing ? cells.size() : UNKNOWN) : cells.find(first[i], second[i]);
    }
    return codes;
  }

  private static boolean[] missing(Values[] values) {
    boolean[] missing = values[0].absent().clone();
    boolean[] others = values[1].absent();
    for (int i = 0; i < missing.length; i++) {
      missing[i] |= others[i];
    }
    return missing;
  }

  @Override
  public double[] logMarginal(Values[] values, long rows, int[] related) {
    boolean[] missing = missing(values);
    double[][] points = {Numbers.doubles(values[0], columns[0].kind), Numbers.doubles(values[1], columns[1].kind)};
    double[] logs = new double[missing.length];
    double absent = MarginalDensity.logShare(hasMissing ? shares[shares.length - 1] : 0, rows);
    for (int i = 0; i < logs.length; i++) {
      if (missing[i]) {
        logs[i] = absent;
        continue;
      }
      int cell = cells.find(points[0][i], points[1][i]);
      double first = beyond(0, cell, points[0][i]);
      double second = beyond(1, cell, points[1][i]);
      logs[i] = logDensities[cell];
      if (first > 0 || second > 0) {
        // Tails as of a column of numbers: those of Student's t with 3 degrees of freedom.
        logs[i] -= 4 * Math.log(Math.hypot(1, Math.hypot(first, second)));
      }
    }
    return logs;
  }

  /** How far outside of a cell's side a value lies, in units. */
  private double beyond(int side, int cell, double number) {
    double value = ArrayMath.clip(number, -MarginalDensity.LARGEST, MarginalDensity.LARGEST);
    double beyond = Math.max(cells.low[side][cell] - value, value - cells.high[side][cell]);
    return Math.max(beyond, 0) / units[side];
  }

  @Override
  public Values[] decode(int[] codes, double[] uniforms, Constraint constraint) {
    double[][] fractions = new double[2][codes.length];
    for (int i = 0; i < codes.length; i++) {
      double scaled = uniforms[i] * 0x1p26; // the high and the low bits are two uniforms
      fractions[0][i] = Math.floor(scaled) / 0x1p26;
      fractions[1][i] = scaled % 1;
    }
    return points(codes, fractions, constraint);
  }

  /**
   * Points in cells.
   *
   * @param codes (rows,)
   * @param fractions (2, rows) in [0, 1], the position in the cell's rectangle
   * @param constraint ranges of the columns; null for none
   * @return the values of both columns
   */
  public Values[] points(int[] codes, double[][] fractions, Constraint constraint) {
    Values[] found = new Values[2];
    for (int side = 0; side < 2; side++) {
      Values[] range = constraint == null ? null : constraint.ranges.get(columns[side].name);
      double least = range == null ? Double.NEGATIVE_INFINITY : range[0].number(0);
      double most = range == null ? Double.POSITIVE_INFINITY : range[1].number(0);
      boolean isReal = columns[side].kind == Kind.REAL;
      double[] reals = isReal ? new double[codes.length] : null;
      long[] wholes = isReal ? null : new long[codes.length];
      boolean[] missing = new boolean[codes.length];
      for (int i = 0; i < codes.length; i++) {
        missing[i] = codes[i] >= cells.size();
        int cell = missing[i] ? 0 : codes[i];
        double low = Math.max(cells.low[side][cell], least);
        double high = Math.min(cells.high[side][cell], most);
        double value = low + fractions[side][i] * (high - low);
        value = ArrayMath.clip(decimals[side] < 0 ? value : ArrayMath.round(value, decimals[side]), low, high);
        if (isReal) {
          reals[i] = value;
        } else {
          wholes[i] = (long) Math.rint(value);
        }
      }
      found[side] = isReal ? Values.real(reals, missing) : Values.whole(Kind.INT, wholes, missing);
    }
    return found;
  }

  private int sideOf(String name) {
    return columns[0].name.equals(name) ? 0 : 1;
  }

  @Override
  public Constraint constraint(String name, Condition wanted) {
    if (wanted.isMissing()) {
      if (!hasMissing) {
        throw ConditionValues.noMissingError(name);
      }
      boolean[] allowed = new boolean[shares.length];
      allowed[allowed.length - 1] = true;
      return Constraint.ofCodes(allowed, null);
    }
    if (wanted.isList) {
      throw ConditionValues.noListError(name);
    }
    int side = sideOf(name);
    Column column = columns[side];
    Number[] range = ConditionValues.rangeOf(column, wanted);
    boolean exact = ConditionValues.compare(range[0], range[1]) == 0;
    Number low = ConditionValues.onGrid(column, decimals[side], range[0], true);
    Number high = exact ? low : ConditionValues.onGrid(column, decimals[side], range[1], false);
    double least = cells.least(side);
    double most = cells.most(side);
    if (ConditionValues.compare(low, high) > 0 || ConditionValues.compare(high, least) < 0
        || ConditionValues.compare(low, most) > 0) {
      throw ConditionValues.noValueError(name, wanted, ConditionValues.valueText(column, least),
          ConditionValues.valueText(column, most));
    }
    double[] parts = new double[shares.length];
    if (exact) {
      cells.agreement(side, low.doubleValue(), steps[side], parts);
    } else {
      cells.overlaps(side, low.doubleValue(), high.doubleValue(), steps[side], parts);
    }
    boolean[] allowed = new boolean[shares.length];
    boolean any = false;
    for (int code = 0; code < allowed.length; code++) {
      allowed[code] = parts[code] > 0;
      any |= allowed[code];
    }
    if (!any) {
      throw new IllegalArgumentException("conditions: column " + Messages.quoted(name) + " has no value "
          + Messages.shown(wanted) + ": no cell of at least " + MIN_ROWS
          + " training rows reaches there. Give a wider range.");
    }
    // As doubles for both kinds: an open end is infinite.
    Values[] limits = {one(low.doubleValue()), one(high.doubleValue())};
    Map<String, Values> given = Collections.emptyMap();
    if (exact) {
      given = Collections.singletonMap(name, Quantiles.cell(column, low));
    }
    return new Constraint(allowed, parts, Collections.singletonMap(name, limits), true, -1, given);
  }

  private static Values one(double value) {
    return Values.real(new double[] {value}, new boolean[1]);
  }

  @Override
  public Constraint joined(Constraint constraint) {
    Values first = constraint.cells.get(columns[0].name);
    Values second = constraint.cells.get(columns[1].name);
    if (first == null || second == null) {
      return constraint;
    }
    // A point that is given as a whole needs no cell around it.
    int code = encode(new Values[] {first, second}, null)[0];
    return new Constraint(null, null, Collections.emptyMap(), true, code, constraint.cells);
  }

  @Override
  public double[] possible(Values[] values, int row, boolean[] given) {
    double[] found = super.possible(values, row, given);
    double[] parts = new double[found.length];
    boolean any = false;
    for (int side = 0; side < 2; side++) {
      boolean missing = values[side].missing[row] || Double.isNaN(values[side].number(row));
      if (!given[side] || missing && !hasMissing) {
        continue;
      }
      Arrays.fill(parts, 0);
      if (missing) {
        parts[parts.length - 1] = 1;
      } else {
        Values one = values[side].take(new int[] {row});
        cells.agreement(side, Numbers.doubles(one, columns[side].kind)[0], steps[side], parts);
      }
      for (int code = 0; code < found.length; code++) {
        found[code] *= parts[code];
      }
    }
    for (double share : found) {
      any |= share != 0;
    }
    // Cells that agree with one column each and none with all: any will do.
    return any ? found : super.possible(values, row, given);
  }
}
