package hex.gan.core.tokens;

import hex.gan.core.math.ArrayMath;
import java.util.Arrays;

/**
 * The codes of each choice: one, several for a pooled choice, and codes without a choice.
 *
 * <p>Mirrors h2o_gan/engine/data/tokens/members.py.
 */
final class Members {
  /** Choice of codes that the network does not see. */
  static final int UNSEEN = -1;

  private static final double BELOW_ONE = 1 - 1e-12;

  /** (seen codes,) by choice, and (choices + 1,) where those of each choice begin. */
  private final int[] codes;
  private final int[] first;
  private final double[] shares;
  /** (seen codes,) sums of shares up to each, and of all choices those of their codes. */
  private final double[] ends;
  private final double[] masses;
  private final int[] unseen;
  private final double[] unseenEnds;

  /**
   * @param choices (codes,) the choice of each code, or UNSEEN; at least one is seen
   * @param shares (codes,) probabilities
   */
  Members(int[] choices, double[] shares) {
    int size = 0;
    int seen = 0;
    for (int choice : choices) {
      size = Math.max(size, choice + 1);
      seen += choice >= 0 ? 1 : 0;
    }
    first = new int[size + 1];
    for (int choice : choices) {
      if (choice >= 0) {
        first[choice + 1]++;
      }
    }
    for (int choice = 0; choice < size; choice++) {
      first[choice + 1] += first[choice];
    }
    int[] next = first.clone();
    codes = new int[seen];
    unseen = new int[choices.length - seen];
    int rare = 0;
    for (int code = 0; code < choices.length; code++) {
      if (choices[code] >= 0) {
        codes[next[choices[code]]++] = code;
      } else {
        unseen[rare++] = code;
      }
    }
    this.shares = new double[seen];
    Arrays.setAll(this.shares, i -> shares[codes[i]]);
    ends = cumulative(this.shares);
    masses = masses(this.shares);
    double[] unseenShares = new double[rare];
    Arrays.setAll(unseenShares, i -> shares[unseen[i]]);
    unseenEnds = cumulative(unseenShares);
  }

  private static double[] cumulative(double[] values) {
    double[] ends = values.clone();
    for (int i = 1; i < ends.length; i++) {
      ends[i] += ends[i - 1];
    }
    return ends;
  }

  /** (choices,) the sums of values of their codes, (seen codes,). */
  private double[] masses(double[] values) {
    double[] sums = new double[first.length - 1];
    for (int choice = 0; choice < sums.length; choice++) {
      for (int i = first[choice]; i < first[choice + 1]; i++) {
        sums[choice] += values[i];
      }
    }
    return sums;
  }

  /** (choices,) the probability of each choice; not to be changed. */
  double[] masses() {
    return masses;
  }

  /**
   * Draws a code for each choice.
   *
   * @param choices (rows,)
   * @param uniforms (rows,) in [0, 1)
   * @param allowed (codes,) the codes to draw from; null for all
   * @return (rows,)
   */
  int[] draw(int[] choices, double[] uniforms, boolean[] allowed) {
    int[] found = new int[choices.length];
    if (allowed == null) {
      double taken = unseen.length > 0 ? unseenEnds[unseen.length - 1] : 0;
      for (int i = 0; i < found.length; i++) {
        found[i] = unseen.length > 0 && uniforms[i] < taken
            ? unseen[ArrayMath.countUpTo(unseenEnds, uniforms[i])]
            // Codes without a choice take the lowest uniforms: the others are stretched over [0, 1).
            : member(choices[i], ArrayMath.clip((uniforms[i] - taken) / (1 - taken), 0, BELOW_ONE), ends, masses);
      }
      return found;
    }
    if (!isAnySeen(allowed)) {
      int[] rare = Arrays.stream(unseen).filter(code -> allowed[code]).toArray();
      if (rare.length > 0) {
        // Codes without a choice are drawn only where no other code is allowed.
        double[] equal = new double[rare.length];
        Arrays.setAll(equal, i -> i + 1 < rare.length ? (i + 1) * (1.0 / rare.length) : 1);
        for (int i = 0; i < found.length; i++) {
          found[i] = rare[ArrayMath.countUpTo(equal, uniforms[i])];
        }
        return found;
      }
    }
    double[] parts = isAnySeen(allowed) ? allowedParts(allowed) : shares;
    double[] partEnds = cumulative(parts);
    double[] partMasses = masses(parts);
    for (int i = 0; i < found.length; i++) {
      found[i] = member(choices[i], uniforms[i], partEnds, partMasses);
    }
    return found;
  }

  private boolean isAnySeen(boolean[] allowed) {
    for (int code : codes) {
      if (allowed[code]) {
        return true;
      }
    }
    return false;
  }

  private double[] allowedParts(boolean[] allowed) {
    double[] parts = new double[codes.length];
    Arrays.setAll(parts, i -> allowed[codes[i]] ? shares[i] : 0);
    return parts;
  }

  /** The code of a choice at a part of its probability. */
  private int member(int choice, double part, double[] ends, double[] masses) {
    int from = first[choice];
    int last = first[choice + 1] - 1;
    if (from == last) {
      return codes[from];
    }
    double before = from == 0 ? 0 : ends[from - 1];
    // Rounding must not lead to a code of another choice.
    return codes[ArrayMath.firstAbove(ends, from, last, before + part * masses[choice])];
  }

  /**
   * The share of each choice that allowed codes make up.
   *
   * <p>Where only codes without a choice are allowed, every choice is: they go with any.
   *
   * @param allowed (codes,) the share of each code that is allowed
   * @return (choices,) in [0, 1]
   */
  double[] allowedShares(double[] allowed) {
    double[] parts = new double[codes.length];
    Arrays.setAll(parts, i -> shares[i] * allowed[codes[i]]);
    double[] found = masses(parts);
    boolean any = false;
    for (int choice = 0; choice < found.length; choice++) {
      found[choice] /= masses[choice];
      any |= found[choice] != 0;
    }
    for (int i = 0; i < unseen.length && !any; i++) {
      if (allowed[unseen[i]] != 0) {
        Arrays.fill(found, 1);
        break;
      }
    }
    return found;
  }
}
