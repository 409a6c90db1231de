package hex.gan.core.tokens;

/**
 * One step of a row: a choice among {@code size}, or a number where {@code size} is 0.
 *
 * <p>A learned number is present only where the token before it, if it belongs to the same column, took its last
 * choice. A placed number is not learned: its rank is uniform between limits that follow from the choices of the
 * column before it.
 */
public final class Token {
  /** Index of the column among the learned ones. */
  public final int column;
  /** Number of choices; 0 for a number. */
  public final int size;
  /** Number of tokens of the column before this one. */
  public final int before;
  /**
   * Probabilities of the choices: one row of {@code size}; for the second token of a pair one row for each choice of
   * the first; of a number none.
   */
  public final double[][] shares;
  /**
   * Of a placed number, by choice (of a pair: first * size of the second + second), the first rank and the length of
   * ranks, NaN where there is no number; else null.
   */
  public final double[][] ranks;

  private Token(int column, int size, int before, double[][] shares, double[][] ranks) {
    this.column = column;
    this.size = size;
    this.before = before;
    this.shares = shares;
    this.ranks = ranks;
  }

  /** A choice. */
  public static Token choice(int column, double[] shares) {
    return new Token(column, shares.length, 0, new double[][] {shares}, null);
  }

  /** The second choice of a pair. */
  public static Token second(int column, double[][] shares) {
    return new Token(column, shares[0].length, 1, shares, null);
  }

  /** A learned number. */
  public static Token number(int column, int before) {
    return new Token(column, 0, before, new double[0][], null);
  }

  /** A placed number. */
  public static Token placed(int column, int before, double[][] ranks) {
    return new Token(column, 0, before, new double[0][], ranks);
  }

  public boolean isNumber() {
    return size == 0;
  }

  /** Whether this is the second token of a pair. */
  public boolean isSecond() {
    return !isNumber() && before == 1;
  }

  public boolean isPlaced() {
    return ranks != null;
  }
}
