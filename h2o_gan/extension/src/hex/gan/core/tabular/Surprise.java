package hex.gan.core.tabular;

import hex.gan.core.DamagedException;
import hex.gan.core.file.Json;
import hex.gan.core.file.Tensors;
import java.io.IOException;
import java.util.Arrays;

/** How rows are compared with training rows; mirrors Surprise of h2o_gan/engine/tabular/density.py. */
final class Surprise {
  private static final double RATIO_WEIGHT = 2;
  private static final double UNKNOWN_WEIGHT = 0.5;
  private static final double MARGIN = 0.5;
  private static final double LEAST_DEVIATION = 0.2;

  private final double weight;
  private final double[] scales;
  private final double[] caps;
  private final double[] means;
  /** Quantiles of the anomaly scores of training rows, ascending. */
  private final double[] quantiles;

  private Surprise(double weight, double[] scales, double[] caps, double[] means, double[] quantiles) {
    this.weight = weight;
    this.scales = scales;
    this.caps = caps;
    this.means = means;
    this.quantiles = quantiles;
  }

  /** Fits to rows that stand for training rows, of a model whose file does not say what is usual. */
  static Surprise fit(RowDensities rows, int[] learnedAt) {
    int codecs = rows.marginals.length;
    double[] scales = new double[codecs];
    double[] caps = new double[codecs];
    double[] means = new double[codecs];
    for (int c = 0; c < codecs; c++) {
      scales[c] = Math.sqrt(Math.max(deviation(rows.marginals[c]), LEAST_DEVIATION));
      caps[c] = Math.max(mean(rows.evidence[c]), 0) + MARGIN;
    }
    double[][] plain = new Surprise(UNKNOWN_WEIGHT, scales, caps, means, new double[1]).shares(rows, learnedAt);
    double[] scores = new double[rows.ratio.length];
    for (int c = 0; c < codecs; c++) {
      means[c] = mean(plain[c]);
      for (int b = 0; b < scores.length; b++) {
        scores[b] += plain[c][b] - means[c];
      }
    }
    Arrays.sort(scores);
    return new Surprise(UNKNOWN_WEIGHT, scales, caps, means, scores);
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  private static double deviation(double[] values) {
    double mean = mean(values);
    double sum = 0;
    for (double value : values) {
      sum += (value - mean) * (value - mean);
    }
    return Math.sqrt(sum / values.length);
  }

  private Surprise(double weight, Tensors tensors, int codecs) throws IOException {
    this.weight = weight;
    scales = tensors.doubles("surprise.scales", codecs);
    caps = tensors.doubles("surprise.caps", codecs);
    means = tensors.doubles("surprise.means", codecs);
    quantiles = tensors.doubles("surprise.quantiles", tensors.shape("surprise.quantiles"));
    boolean valid = quantiles.length > 0;
    for (int i = 0; i < codecs; i++) {
      valid &= scales[i] > 0 && scales[i] < Double.POSITIVE_INFINITY && isFinite(caps[i]) && isFinite(means[i]);
    }
    for (int i = 0; i < quantiles.length; i++) {
      valid &= isFinite(quantiles[i]) && (i == 0 || quantiles[i - 1] <= quantiles[i]);
    }
    if (!valid) {
      throw new DamagedException("its anomaly scores cannot be computed");
    }
  }

  private static boolean isFinite(double value) {
    return Math.abs(value) <= Double.MAX_VALUE;
  }

  /** What is usual for a model; null in files of older versions, which do not have it. */
  static Surprise of(Json model, Tensors tensors, int codecs) throws IOException {
    Json weight = model.find("evidence_weight");
    return weight == null || weight.isNull() ? null : new Surprise(weight.number(0, 1), tensors, codecs);
  }

  /**
   * The shares of codecs in the anomaly scores of rows.
   *
   * @param learnedAt indices of the learned codecs
   * @return (codecs, rows)
   */
  double[][] shares(RowDensities rows, int[] learnedAt) {
    double[][] shares = new double[scales.length][rows.ratio.length];
    for (int c = 0; c < shares.length; c++) {
      for (int b = 0; b < rows.ratio.length; b++) {
        double evidence = weight * Math.min(rows.evidence[c][b], caps[c]);
        shares[c][b] = -(rows.marginals[c][b] / scales[c] + evidence) - means[c];
      }
    }
    for (int c : learnedAt) {
      for (int b = 0; b < rows.ratio.length; b++) {
        shares[c][b] -= RATIO_WEIGHT * rows.ratio[b] / learnedAt.length;
      }
    }
    return shares;
  }

  /** The score that a share of the training rows exceeds, by linear interpolation between quantiles. */
  double threshold(double contamination) {
    double at = (1 - contamination) * (quantiles.length - 1);
    int left = Math.min((int) at, quantiles.length - 1);
    int right = Math.min(left + 1, quantiles.length - 1);
    return quantiles[left] + (at - left) * (quantiles[right] - quantiles[left]);
  }
}
