package hex.gan.core.tabular;

import hex.gan.core.file.Json;
import hex.gan.core.file.Tensors;
import hex.gan.core.math.Floats;
import hex.gan.core.tokens.Token;
import java.io.IOException;

/** The critic of tables, which scores whole rows; mirrors h2o_gan/engine/tabular/critic.py. */
public final class Critic {
  private static final int MOST = 1 << 16;

  final int hidden;
  private final TokenFeatures features;
  /** By token, what its features add to the first layer. */
  private final Layer[] first;
  private final float[] firstBias;
  private final Layer second;
  private final Layer last;
  private final float shift;
  /** The largest log ratio. */
  public final float clip;

  private Critic(Token[] tokens, Json model, Tensors tensors) throws IOException {
    int[] sizes = model.get("critic_sizes").counts(1, MOST);
    if (sizes.length != 2) {
      throw model.get("critic_sizes").wrong("there are two sizes of a critic");
    }
    int knots = model.get("sizes").get("knots").count(2, MOST);
    hidden = sizes[1];
    int size = sizes[0];
    features = new TokenFeatures(tokens, size, knots, tensors, "critic.features.");
    int inputs = tokens.length * size;
    float[] weights = tensors.floats("critic.first.weight", hidden, inputs);
    first = new Layer[tokens.length];
    for (int t = 0; t < first.length; t++) {
      float[] own = new float[hidden * size];
      for (int h = 0; h < hidden; h++) {
        System.arraycopy(weights, h * inputs + t * size, own, h * size, size);
      }
      first[t] = new Layer(size, hidden, own, null);
    }
    firstBias = tensors.floats("critic.first.bias", hidden);
    second = new Layer(
        hidden, hidden, tensors.floats("critic.second.weight", hidden, hidden),
        tensors.floats("critic.second.bias", hidden));
    last = new Layer(hidden, 1, tensors.floats("critic.last.weight", 1, hidden), tensors.floats("critic.last.bias", 1));
    shift = (float) model.get("shift").number();
    clip = (float) model.get("clip").number();
  }

  /** The critic of a model; null where it has none. */
  public static Critic of(Token[] tokens, Json model, Tensors tensors) throws IOException {
    return model.get("has_critic").flag() ? new Critic(tokens, model, tensors) : null;
  }

  int features() {
    return features.size;
  }

  long weights() {
    return (long) first.length * features.size * hidden + (long) hidden * hidden;
  }

  /**
   * The log density ratio of real to generated rows.
   *
   * @param values (tokens, n)
   * @param active (tokens, n)
   * @return (n,) at most {@link #clip}; valid until the workspace is used again
   */
  public float[] logRatio(float[][] values, boolean[][] active, int n, Workspace space) {
    float[][] units = space.criticFirst;
    for (int h = 0; h < hidden; h++) {
      Floats.fill(units[h], firstBias[h], n);
    }
    for (int t = 0; t < first.length; t++) {
      features.of(t, values[t], active[t], n, space.criticFeatures, space.encoded);
      first[t].add(space.criticFeatures, units, n);
    }
    for (float[] unit : units) {
      Floats.silu(unit, space.scratch, n);
    }
    second.apply(units, space.criticSecond, n);
    for (float[] unit : space.criticSecond) {
      Floats.silu(unit, space.scratch, n);
    }
    last.apply(space.criticSecond, space.score, n);
    float[] ratio = space.score[0];
    for (int b = 0; b < n; b++) {
      ratio[b] = Math.min(ratio[b] - shift, clip);
    }
    return ratio;
  }
}
