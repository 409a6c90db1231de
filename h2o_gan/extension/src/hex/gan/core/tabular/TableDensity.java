package hex.gan.core.tabular;

import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.data.Values;
import hex.gan.core.rules.Formula;
import hex.gan.core.rules.Relation;
import hex.gan.core.rules.Rule;
import hex.gan.core.rules.Unique;
import hex.gan.core.tokens.ColumnTokens;
import hex.gan.core.tokens.Dependency;
import hex.gan.core.tokens.RowLayout;
import hex.gan.core.tokens.Token;
import java.util.Arrays;

/**
 * The density of a table's rows; mirrors TableDensity of h2o_gan/engine/tabular/density.py. One thread uses it at a
 * time.
 */
final class TableDensity {
  private static final double HALF_LOG_TWO_PI = 0.91893853320467274178;
  private static final double LEAST_SHARE = 1e-9;

  private final TableEncoder encoder;
  private final RowLayout layout;
  private final Critic critic;
  private final int[] order;
  private final boolean missingIsUnknown;
  private final Workspace space;
  private final Likelihood likelihood;
  private final Token[] tokens;
  private final float[][] values;
  private final boolean[][] active;
  private final double[][] before;
  private final double[][] others;
  private final double[][] alone;

  /**
   * @param order the tokens in the order that the generator knows best
   * @param missingIsUnknown whether a missing cell says nothing of its row
   */
  TableDensity(
      TableEncoder encoder, RowLayout layout, Generator generator, Critic critic, int[] order,
      boolean missingIsUnknown, Workspace space) {
    this.encoder = encoder;
    this.layout = layout;
    this.critic = critic;
    this.order = order;
    this.missingIsUnknown = missingIsUnknown;
    this.space = space;
    tokens = layout.tokens.toArray(new Token[0]);
    likelihood = new Likelihood(generator, tokens, space);
    values = new float[tokens.length][space.rows];
    active = new boolean[tokens.length][space.rows];
    before = new double[tokens.length][space.rows];
    others = new double[tokens.length][space.rows];
    alone = new double[tokens.length][space.rows];
  }

  /**
   * The densities of rows.
   *
   * @param columns by column; null for identifiers that are not there
   * @param n number of rows
   */
  RowDensities of(Values[] columns, int n) {
    double[][] marginals = new double[encoder.codecs.length][n];
    int[][] codes = new int[encoder.learned.length][];
    int at = 0;
    for (int i = 0; i < encoder.codecs.length; i++) {
      Values[] own = encoder.valuesOf(i, columns);
      if (own == null) {
        continue;
      }
      int[] related = encoder.relations.indices(encoder.columnsOf[i][0], columns);
      marginals[i] = encoder.codecs[i].logMarginal(own, layout.rows, related);
      if (encoder.codecs[i] instanceof LearnedCodec) {
        codes[at++] = ((LearnedCodec) encoder.codecs[i]).encode(own, related);
      }
      for (Values column : own) {
        for (int b = 0; missingIsUnknown && b < n; b++) {
          marginals[i][b] = column.missing[b] ? 0 : marginals[i][b];
        }
      }
    }
    addBrokenRules(columns, n, marginals);
    return densities(codes, n, marginals);
  }

  /** Counts rows that break what holds in all training rows as less than one of those. */
  private void addBrokenRules(Values[] columns, int n, double[][] marginals) {
    double unseen = logShare(0);
    for (Relation relation : encoder.relations.relations) {
      Formula formula = relation.formula;
      if (!relation.always || !formula.isOver(columns)) {
        continue;
      }
      boolean[] broken = formula.broken(columns);
      boolean any = false;
      for (boolean row : broken) {
        any |= row;
      }
      if (!any) {
        continue;
      }
      Values wanted = formula.computed(columns, new boolean[n]);
      Values actual = columns[formula.target];
      double extent = Math.max(relation.high - relation.low, 1e-300);
      double[] own = marginals[encoder.codecOf[formula.target]];
      for (int b = 0; b < n; b++) {
        if (broken[b]) {
          double distance = 0;
          if (!actual.missing[b] && !wanted.missing[b]) {
            distance = Math.abs(actual.number(b) - wanted.number(b)) / extent;
            distance = distance != distance ? 0 : Math.min(distance, Double.MAX_VALUE);
          }
          own[b] += unseen - StrictMath.log1p(distance);
        }
      }
    }
    for (Rule rule : encoder.rules) {
      boolean isComputed = rule instanceof Formula && encoder.relations.always(((Formula) rule).target) != null;
      // Whether values are unique, single rows do not tell.
      if (rule instanceof Unique || isComputed || !rule.isOver(columns)) {
        continue;
      }
      boolean[] broken = rule.broken(columns);
      for (int column : rule.columns) {
        double[] own = marginals[encoder.codecOf[column]];
        for (int b = 0; b < n; b++) {
          own[b] += broken[b] ? unseen / rule.columns.length : 0;
        }
      }
    }
  }

  private double logShare(double share) {
    return StrictMath.log(Math.max(share, 0.5 / (layout.rows + 1)));
  }

  private RowDensities densities(int[][] codes, int n, double[][] marginals) {
    layout.tables.expand(codes, null, values, active);
    logAlone(n);
    likelihood.givenBefore(values, active, order, n, before);
    likelihood.givenOthers(values, active, n, others);
    double[][] columns = new double[marginals.length][];
    double[][] evidence = new double[marginals.length][n];
    for (int i = 0; i < columns.length; i++) {
      columns[i] = marginals[i].clone();
    }
    for (int t = 0; t < tokens.length; t++) {
      int codec = encoder.learnedAt[tokens[t].column];
      for (int b = 0; b < n; b++) {
        columns[codec][b] += before[t][b] - alone[t][b];
        evidence[codec][b] += before[t][b] + others[t][b] - 2 * alone[t][b];
      }
    }
    for (Dependency dependency : layout.dependencies) {
      int codec = encoder.learnedAt[dependency.token];
      for (int b = 0; b < n; b++) {
        double derived = logDerived(dependency, codes, b);
        columns[codec][b] += derived;
        evidence[codec][b] += 2 * derived;
      }
    }
    double[] ratio = new double[n];
    if (critic != null) {
      float[] found = critic.logRatio(values, active, n, space);
      for (int b = 0; b < n; b++) {
        ratio[b] = found[b];
      }
    }
    return new RowDensities(columns, marginals, evidence, ratio);
  }

  /** Log probabilities of tokens that do not depend on other columns. */
  private void logAlone(int n) {
    for (int t = 0; t < tokens.length; t++) {
      Token token = tokens[t];
      double[] out = alone[t];
      Arrays.fill(out, 0, n, 0);
      for (int b = 0; b < n && !token.isPlaced(); b++) {
        if (!active[t][b]) {
          continue;
        }
        float value = values[t][b];
        if (token.isNumber()) {
          out[b] = -0.5 * value * value - HALF_LOG_TWO_PI;
        } else {
          double[] shares = token.shares[token.isSecond() ? (int) values[t - 1][b] : 0];
          out[b] = StrictMath.log(Math.max(shares[(int) value], LEAST_SHARE));
        }
      }
    }
  }

  /** The log probability of a column that follows from another one, over that of its choice alone. */
  private double logDerived(Dependency dependency, int[][] codes, int row) {
    ColumnTokens column = layout.columns.get(dependency.token);
    int choice = choice(column, codes[dependency.token][row]);
    int given = choice(layout.columns.get(dependency.source), codes[dependency.source][row]);
    if (choice < 0 || given < 0) {
      return 0;
    }
    boolean agrees = dependency.table[given] == choice;
    return (agrees ? 0 : logShare(0)) - logShare(column.tokens()[0].shares[0][choice]);
  }

  private static int choice(ColumnTokens column, int code) {
    return code < 0 ? -1 : column.choices()[code];
  }
}
