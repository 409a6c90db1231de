package hex.gan.core.tabular;

/** What rows break, and the rows that do. */
final class Reason {
  final String text;
  /** (rows,) */
  final boolean[] rows;
  /** Indices of the columns that it is about; null where it names them itself. */
  final int[] columns;

  Reason(String text, boolean[] rows, int[] columns) {
    this.text = text;
    this.rows = rows;
    this.columns = columns;
  }

  /** Whether any row does, of the first n. */
  boolean isAny(int n) {
    return count(n) > 0;
  }

  int count(int n) {
    int count = 0;
    for (int b = 0; b < n; b++) {
      count += rows[b] ? 1 : 0;
    }
    return count;
  }
}
