package hex.gan.core.codecs;

import hex.gan.core.data.Values;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;

/** What a condition allows for the columns of one codec; mirrors Constraint of h2o_gan/engine/data/protocol.py. */
public final class Constraint {
  /** (width,) the allowed codes; null for all. */
  public final boolean[] codes;
  /** (width,) the share of each allowed code that meets {@link #ranges}; null for 1. */
  public final double[] shares;
  /** Smallest and largest allowed value by column name: values of one row each. */
  public final Map<String, Values[]> ranges;
  /** Whether missing values are allowed where {@link #codes} is null. */
  public final boolean missing;
  /** The code that every row has; -1 where it is drawn. */
  public final int code;
  /** The value that every row has, by column name: values of one row. */
  public final Map<String, Values> cells;

  public Constraint(
      boolean[] codes, double[] shares, Map<String, Values[]> ranges, boolean missing, int code,
      Map<String, Values> cells) {
    this.codes = codes;
    this.shares = shares;
    this.ranges = Collections.unmodifiableMap(ranges);
    this.missing = missing;
    this.code = code;
    this.cells = Collections.unmodifiableMap(cells);
  }

  /** Some codes, and the share of each that is allowed, null for 1. */
  public static Constraint ofCodes(boolean[] codes, double[] shares) {
    return new Constraint(codes, shares, Collections.emptyMap(), true, -1, Collections.emptyMap());
  }

  /** Whether no code is allowed. */
  public boolean isEmpty() {
    if (codes == null) {
      return false;
    }
    for (boolean allowed : codes) {
      if (allowed) {
        return false;
      }
    }
    return true;
  }

  /** The constraint that allows what both allow; of code and cells, those of the other one. */
  public Constraint combined(Constraint other) {
    boolean[] both = other.codes;
    if (codes != null) {
      both = codes.clone();
      for (int i = 0; other.codes != null && i < both.length; i++) {
        both[i] &= other.codes[i];
      }
    }
    double[] parts = other.shares;
    if (shares != null) {
      parts = shares.clone();
      for (int i = 0; other.shares != null && i < parts.length; i++) {
        parts[i] *= other.shares[i];
      }
    }
    Map<String, Values[]> limits = new HashMap<>(ranges);
    limits.putAll(other.ranges);
    Map<String, Values> given = new HashMap<>(cells);
    given.putAll(other.cells);
    return new Constraint(both, parts, limits, missing && other.missing, other.code < 0 ? code : other.code, given);
  }
}
