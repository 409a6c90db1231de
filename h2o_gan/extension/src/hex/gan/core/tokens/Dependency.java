package hex.gan.core.tokens;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;

/** The choice of column {@link #token} is {@code table[choice of column source]}. */
public final class Dependency {
  /** Index of the column among the learned ones. */
  public final int token;
  public final int source;
  /** (choices of the source,) */
  public final int[] table;

  private Dependency(int token, int source, int[] table) {
    this.token = token;
    this.source = source;
    this.table = table;
  }

  static Dependency restore(Json item) throws DamagedException {
    int most = Integer.MAX_VALUE;
    return new Dependency(
        item.get("column").count(0, most), item.get("source").count(0, most), item.get("table").counts(0, most));
  }
}
