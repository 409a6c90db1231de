package hex.gan.rapids;

import hex.gan.ClusterRows;
import hex.gan.GANModel;
import water.DKV;
import water.rapids.Val;

/** Checks the arguments of primitives. */
final class Arguments {
  private static final long MOST = 1L << 53;

  /** The rows of the model that a string or an identifier names. */
  static ClusterRows model(Val value) {
    Object found = value.isStr() ? DKV.getGet(value.getStr()) : value.isModel() ? value.getModel() : null;
    if (!(found instanceof GANModel)) {
      throw new IllegalArgumentException(
          "model: " + (value.isStr() ? "there is no GAN '" + value.getStr() + "' in the cluster" : "not a GAN"));
    }
    return new ClusterRows((GANModel) found);
  }

  static long whole(String name, double value, long least) {
    if (!(value >= least && value <= MOST) || value != Math.rint(value)) {
      throw new IllegalArgumentException(name + " must be a whole number of at least " + least + ", not " + value);
    }
    return (long) value;
  }

  /** A seed; null for -1. */
  static Long seed(double value) {
    return value == -1 ? null : (Long) whole("seed", value, 0);
  }

  private Arguments() {}
}
