package hex.gan.core.codecs;

/**
 * A k-d tree of points, and the rectangle around the training points of each leaf.
 *
 * <p>Mirrors h2o_gan/engine/data/cells.py. Arrays are not to be changed.
 */
public final class Cells {
  private static final int LEAF = -1;
  private static final int MAX_NODES = 1 << 17;
  private static final int MAX_DEPTH = 512;

  /** (2, cells) corners of each cell's rectangle, by column. */
  public final double[][] low;
  public final double[][] high;
  /** (2, cells) ranks of the rectangle in the column's distribution. */
  public final double[][] start;
  public final double[][] length;
  /** (nodes,) in preorder: the column that the node cuts, or -1 for a leaf. */
  private final int[] axis;
  /** (nodes,) values from here on belong to the right child. */
  private final double[] cut;
  /** (nodes,) the right child; of a leaf its number. */
  private final int[] next;

  Cells(int[] axis, double[] cut, double[][] low, double[][] high, double[][] start, double[][] length) {
    this.axis = axis;
    this.cut = cut;
    this.low = low;
    this.high = high;
    this.start = start;
    this.length = length;
    this.next = next(axis);
  }

  public int size() {
    return low[0].length;
  }

  /** The cell of a point. */
  int find(double first, double second) {
    int node = 0;
    while (axis[node] != LEAF) {
      node = (axis[node] == 0 ? first : second) >= cut[node] ? next[node] : node + 1;
    }
    return next[node];
  }

  /** The smallest value of a column. */
  double least(int side) {
    double least = low[side][0];
    for (double value : low[side]) {
      least = Math.min(least, value);
    }
    return least;
  }

  /** The largest value of a column. */
  double most(int side) {
    double most = high[side][0];
    for (double value : high[side]) {
      most = Math.max(most, value);
    }
    return most;
  }

  /**
   * Fills the share of each cell's rectangle that lies in a range of one column.
   *
   * @param step distance of neighbouring values of the column
   * @param shares (cells or more,)
   */
  void overlaps(int side, double least, double most, double step, double[] shares) {
    for (int cell = 0; cell < size(); cell++) {
      double overlap = Math.min(high[side][cell], most) - Math.max(low[side][cell], least);
      shares[cell] = overlap < 0 ? 0 : (overlap + step) / (high[side][cell] - low[side][cell] + step);
    }
  }

  /**
   * Fills the probability of a value in each cell, or in the nearest cells, by one column.
   *
   * @param step distance of neighbouring values of the column
   * @param shares (cells or more,), at least one of them positive
   */
  void agreement(int side, double value, double step, double[] shares) {
    double nearest = Double.POSITIVE_INFINITY;
    for (int cell = 0; cell < size(); cell++) {
      nearest = Math.min(nearest, distance(side, value, cell));
    }
    for (int cell = 0; cell < size(); cell++) {
      shares[cell] = distance(side, value, cell) <= nearest ? step / (high[side][cell] - low[side][cell] + step) : 0;
    }
  }

  private double distance(int side, double value, int cell) {
    return Math.max(Math.max(low[side][cell] - value, value - high[side][cell]), 0);
  }

  private static int[] next(int[] axis) {
    int[] next = new int[axis.length];
    int[] open = new int[axis.length];
    int opened = 0;
    int leaves = 0;
    for (int node = 0; node < axis.length; node++) {
      if (axis[node] != LEAF) {
        open[opened++] = node;
        continue;
      }
      next[node] = leaves++;
      if (opened > 0) { // the next node is the right child of the last node that has none
        next[open[--opened]] = node + 1;
      }
    }
    return next;
  }

  /** Whether nodes in preorder are one binary tree, not too deep. */
  static boolean isTree(int[] axis) {
    if (axis.length == 0 || axis.length >= MAX_NODES) {
      return false;
    }
    int[] depths = new int[axis.length + 1];
    int waiting = 1; // subtrees that are still to come
    for (int node = 0; node < axis.length; node++) {
      if (waiting == 0 || axis[node] < LEAF || axis[node] > 1) {
        return false;
      }
      int depth = depths[--waiting];
      if (depth > MAX_DEPTH) {
        return false;
      }
      if (axis[node] != LEAF) {
        if (waiting + 2 > depths.length) {
          return false;
        }
        depths[waiting++] = depth + 1;
        depths[waiting++] = depth + 1;
      }
    }
    return waiting == 0;
  }
}
