package hex.gan.core.tokens;

/** One token of each code: start + length * uniform. Of a number that is the rank, whose normal score is the token. */
public final class TokenTable {
  /** (codes,) */
  public final double[] start;
  /** (codes,) */
  public final double[] length;
  /** (codes,) whether a row with this code has the token. */
  public final boolean[] active;

  public TokenTable(double[] start, double[] length, boolean[] active) {
    this.start = start;
    this.length = length;
    this.active = active;
  }
}
