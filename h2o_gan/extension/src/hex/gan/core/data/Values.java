package hex.gan.core.data;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * The values of one column in a block of rows.
 *
 * <p>One of the arrays holds them, by kind; a missing value has any number there, or null.
 */
public final class Values {
  public final Kind kind;
  /** (rows,) the values of INT and TIME, and of ENUM the indices in {@link #levels}; else null. */
  public final long[] whole;
  /** (rows,) the values of REAL; else null. */
  public final double[] real;
  /** (rows,) the values of STRING, and of UUID as text in lower case; else null. */
  public final String[] text;
  /** Of ENUM; else empty. They may be others than those of the model's column. */
  public final List<String> levels;
  /** (rows,) which values are missing. */
  public final boolean[] missing;

  private Values(Kind kind, long[] whole, double[] real, String[] text, List<String> levels, boolean[] missing) {
    this.kind = kind;
    this.whole = whole;
    this.real = real;
    this.text = text;
    this.levels = levels;
    this.missing = missing;
  }

  /** Values of INT or TIME. */
  public static Values whole(Kind kind, long[] values, boolean[] missing) {
    return new Values(kind, values, null, null, Collections.emptyList(), missing);
  }

  /** Values of REAL. */
  public static Values real(double[] values, boolean[] missing) {
    return new Values(Kind.REAL, null, values, null, Collections.emptyList(), missing);
  }

  /** Values of ENUM, as indices in levels. */
  public static Values levels(long[] indices, List<String> levels, boolean[] missing) {
    return new Values(Kind.ENUM, indices, null, null, levels, missing);
  }

  /** Values of STRING or UUID. */
  public static Values text(Kind kind, String[] values, boolean[] missing) {
    return new Values(kind, null, null, values, Collections.emptyList(), missing);
  }

  /** Missing values only. */
  public static Values none(Column column, int rows) {
    boolean[] missing = new boolean[rows];
    Arrays.fill(missing, true);
    boolean whole = column.kind.isWhole() || column.kind == Kind.ENUM;
    boolean text = column.kind == Kind.STRING || column.kind == Kind.UUID;
    return new Values(
        column.kind, whole ? new long[rows] : null, column.kind == Kind.REAL ? new double[rows] : null,
        text ? new String[rows] : null, column.levels, missing);
  }

  /** (rows,) which values are missing, or not a number. Not to be changed. */
  public boolean[] absent() {
    boolean[] absent = missing;
    for (int i = 0; real != null && i < absent.length; i++) {
      if (real[i] != real[i] && !absent[i]) {
        absent = absent == missing ? absent.clone() : absent;
        absent[i] = true;
      }
    }
    return absent;
  }

  /**
   * Numbers in some rows and others in all other rows.
   *
   * @param mask (rows,) where some of them are taken
   * @return values of the kind of the others
   */
  public static Values chosen(boolean[] mask, Values some, Values others) {
    boolean[] missing = others.missing.clone();
    long[] whole = others.whole == null ? null : others.whole.clone();
    double[] real = others.real == null ? null : others.real.clone();
    for (int i = 0; i < missing.length; i++) {
      if (mask[i]) {
        missing[i] = some.missing[i];
        if (real != null) {
          real[i] = some.number(i);
        } else {
          whole[i] = some.whole == null ? (long) some.real[i] : some.whole[i];
        }
      }
    }
    return real == null ? Values.whole(others.kind, whole, missing) : Values.real(real, missing);
  }

  public int size() {
    return missing.length;
  }

  /** The number in a row as a double; not defined for text, levels and missing values. */
  public double number(int row) {
    return real == null ? (double) whole[row] : real[row];
  }

  /** The text or the level in a row, or null where it is missing; not defined for numbers. */
  public String label(int row) {
    if (missing[row]) {
      return null;
    }
    return text == null ? levels.get((int) whole[row]) : text[row];
  }

  /** Missing values of a kind, to be filled with {@link #set}. */
  public static Values space(Kind kind, List<String> levels, int rows) {
    return none(new Column("", kind, Collections.emptyList()), rows).withLevels(levels);
  }

  /** The same values, of which those of ENUM are indices in another list. */
  public Values withLevels(List<String> others) {
    return kind == Kind.ENUM ? new Values(kind, whole, real, text, others, missing) : this;
  }

  /** Replaces the value in a row by one of other values of the same kind and, of ENUM, the same first levels. */
  public void set(int row, Values other, int at) {
    missing[row] = other.missing[at];
    if (whole != null) {
      whole[row] = other.whole[at];
    } else if (real != null) {
      real[row] = other.real[at];
    } else {
      text[row] = other.text[at];
    }
  }

  /** Some rows, by index, in this order; a row may be taken more than once. */
  public Values take(int[] rows) {
    long[] wholes = whole == null ? null : new long[rows.length];
    double[] reals = real == null ? null : new double[rows.length];
    String[] texts = text == null ? null : new String[rows.length];
    boolean[] absent = new boolean[rows.length];
    for (int i = 0; i < rows.length; i++) {
      int row = rows[i];
      absent[i] = missing[row];
      if (wholes != null) {
        wholes[i] = whole[row];
      } else if (reals != null) {
        reals[i] = real[row];
      } else {
        texts[i] = text[row];
      }
    }
    return new Values(kind, wholes, reals, texts, levels, absent);
  }
}
