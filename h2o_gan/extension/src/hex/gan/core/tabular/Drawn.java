package hex.gan.core.tabular;

import hex.gan.core.data.Values;
import java.util.ArrayList;
import java.util.List;

/** Candidates with all their values, and what is wrong with them. */
final class Drawn {
  /** By column. */
  final Values[] values;
  /** What they break. */
  final List<Reason> wrong = new ArrayList<>();
  /** What they break by given values alone, so that no other draw would help. */
  final List<Reason> hopeless = new ArrayList<>();

  Drawn(Values[] values) {
    this.values = values;
  }

  /** The candidates that break anything, (n,). */
  boolean[] broken(int n) {
    boolean[] broken = new boolean[n];
    for (Reason reason : wrong) {
      for (int b = 0; b < n; b++) {
        broken[b] |= reason.rows[b];
      }
    }
    return broken;
  }
}
