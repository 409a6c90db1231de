package hex.gan.core.tabular;

import hex.gan.core.math.Floats;

/** A linear layer. */
final class Layer {
  final int inputs;
  final int outputs;
  /** (outputs, inputs), flat. */
  private final float[] weights;
  /** (outputs,), or null for none. */
  private final float[] bias;

  Layer(int inputs, int outputs, float[] weights, float[] bias) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.weights = weights;
    this.bias = bias;
  }

  /** A layer whose weights are a part of a flat array, (inputs, outputs) from a position on. */
  static Layer transposed(float[] all, int from, int inputs, int outputs, float[] bias) {
    float[] weights = new float[inputs * outputs];
    for (int k = 0; k < inputs; k++) {
      for (int h = 0; h < outputs; h++) {
        weights[h * inputs + k] = all[from + k * outputs + h];
      }
    }
    return new Layer(inputs, outputs, weights, bias);
  }

  /**
   * Computes outputs.
   *
   * @param in (inputs, n)
   * @param out (outputs, n)
   */
  void apply(float[][] in, float[][] out, int n) {
    for (int h = 0; h < outputs; h++) {
      Floats.fill(out[h], bias == null ? 0 : bias[h], n);
    }
    Floats.multiplyAdd(out, in, weights, outputs, inputs, n);
  }

  /** Adds the outputs, without a bias, to what is there. */
  void add(float[][] in, float[][] out, int n) {
    Floats.multiplyAdd(out, in, weights, outputs, inputs, n);
  }
}
