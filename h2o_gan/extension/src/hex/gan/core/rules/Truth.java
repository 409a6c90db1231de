package hex.gan.core.rules;

/** The truth of a condition in Kleene's three-valued logic. */
final class Truth {
  /** (rows,) where it is true. */
  final boolean[] isTrue;
  /** (rows,) where it is false; elsewhere it is neither. */
  final boolean[] isFalse;

  Truth(boolean[] isTrue, boolean[] isFalse) {
    this.isTrue = isTrue;
    this.isFalse = isFalse;
  }

  /** The truth of results that are known where neither side is missing. */
  static Truth known(boolean[] results, boolean[] missing, boolean[] others) {
    boolean[] isTrue = new boolean[results.length];
    boolean[] isFalse = new boolean[results.length];
    for (int i = 0; i < results.length; i++) {
      boolean known = !missing[i] & !others[i];
      isTrue[i] = known & results[i];
      isFalse[i] = known & !results[i];
    }
    return new Truth(isTrue, isFalse);
  }

  Truth not() {
    return new Truth(isFalse, isTrue);
  }

  /** Where both are true, and where one is false. */
  Truth and(Truth other) {
    boolean[] both = new boolean[isTrue.length];
    boolean[] one = new boolean[isTrue.length];
    for (int i = 0; i < both.length; i++) {
      both[i] = isTrue[i] & other.isTrue[i];
      one[i] = isFalse[i] | other.isFalse[i];
    }
    return new Truth(both, one);
  }

  /** Where one is true, and where both are false. */
  Truth or(Truth other) {
    return not().and(other.not()).not();
  }
}
