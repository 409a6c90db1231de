package hex.gan.core.tabular;

/** What a token may be; mirrors h2o_gan/engine/tabular/bounds.py. */
final class Bounds {
  /** The share of each choice that is allowed, (size,), of the second of a pair (first size * size,); null for all. */
  final float[] mask;
  /** The same for each row of a block, (rows,); null where all rows have the same. Rows may be null for all choices. */
  final float[][] rowMasks;
  /** Smallest and largest number, both included. */
  final double low;
  final double high;
  /** Bounds that hold, instead of these, in rows where an earlier token has a certain choice; null for none. */
  final Bounds linked;
  final int linkToken;
  final int linkChoice;

  private Bounds(
      float[] mask, float[][] rowMasks, double low, double high, Bounds linked, int linkToken, int linkChoice) {
    this.mask = mask;
    this.rowMasks = rowMasks;
    this.low = low;
    this.high = high;
    this.linked = linked;
    this.linkToken = linkToken;
    this.linkChoice = linkChoice;
  }

  static Bounds choices(float[] mask) {
    return new Bounds(mask, null, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, null, 0, 0);
  }

  static Bounds rows(float[][] masks) {
    return new Bounds(null, masks, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, null, 0, 0);
  }

  static Bounds range(double low, double high) {
    return new Bounds(null, null, low, high, null, 0, 0);
  }

  /** No bounds but in rows where a token has a choice. */
  static Bounds linked(Bounds other, int token, int choice) {
    return new Bounds(null, null, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, other, token, choice);
  }

  /** These bounds, and masks by row, (rows,) of the same size; a null row allows all. */
  Bounds withRows(float[][] masks) {
    float[][] merged = new float[masks.length][];
    for (int row = 0; row < masks.length; row++) {
      float[] before = rowMasks == null ? mask : rowMasks[row];
      merged[row] = before == null ? masks[row] : before;
      if (before != null && masks[row] != null) {
        merged[row] = masks[row].clone();
        for (int i = 0; i < before.length; i++) {
          merged[row][i] *= before[i];
        }
      }
    }
    return rows(merged);
  }

  /** The bounds of a candidate. */
  Bounds of(float[][] values, int candidate) {
    return linked != null && (int) values[linkToken][candidate] == linkChoice ? linked : this;
  }

  /** The mask of a row of the block; null for all choices. */
  float[] maskOf(int row) {
    return rowMasks == null ? mask : rowMasks[row];
  }

  boolean isOpen() {
    return linked == null && Double.isInfinite(low) && Double.isInfinite(high);
  }
}
