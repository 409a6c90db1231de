package hex.gan.core.rules;

import hex.gan.core.data.Values;

/** The rows that expressions are evaluated over, and those in which a whole number does not fit into 64 bits. */
final class TableValues {
  /** The values of each column of the model; null for columns that no expression refers to. */
  final Values[] columns;
  /** (rows,) marked by expressions. */
  final boolean[] overflow;

  TableValues(Values[] columns, boolean[] overflow) {
    this.columns = columns;
    this.overflow = overflow;
  }

  int rows() {
    return overflow.length;
  }

  /** The numbers of a column; 0 where it is missing, so that missing values do not overflow. */
  Numbers numbers(int column, int decimals) {
    Values values = columns[column];
    boolean[] missing = values.absent();
    if (values.real != null) {
      double[] numbers = values.real;
      for (int i = 0; i < missing.length; i++) {
        if (missing[i]) {
          numbers = numbers == values.real ? numbers.clone() : numbers;
          numbers[i] = 0;
        }
      }
      return Numbers.real(numbers, missing, decimals);
    }
    long[] numbers = values.whole;
    for (int i = 0; i < missing.length; i++) {
      if (missing[i]) {
        numbers = numbers == values.whole ? numbers.clone() : numbers;
        numbers[i] = 0;
      }
    }
    return Numbers.whole(numbers, missing, 0);
  }

  /** The texts of a column; null where it is missing. */
  String[] texts(int column) {
    Values values = columns[column];
    if (values.text != null && !any(values.missing)) {
      return values.text;
    }
    String[] texts = new String[values.size()];
    for (int i = 0; i < texts.length; i++) {
      texts[i] = values.label(i);
    }
    return texts;
  }

  private static boolean any(boolean[] mask) {
    for (boolean is : mask) {
      if (is) {
        return true;
      }
    }
    return false;
  }
}
