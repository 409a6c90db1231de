package hex.gan.rows;

import water.DKV;
import water.H2O;
import water.Key;
import water.Keyed;

/** A flag in the store: the nodes that make a frame stop, because one of them failed. */
public final class Stop extends Keyed<Stop> {
  private Stop(Key<Stop> key) {
    super(key);
  }

  static Key<Stop> key() {
    return Key.make("gan_stop_" + Key.rand(), Key.HIDDEN_USER_KEY, true, H2O.SELF);
  }

  static void set(Key<Stop> key) {
    DKV.put(new Stop(key));
  }

  static boolean isSet(Key<Stop> key) {
    return DKV.get(key) != null;
  }

  @Override
  protected long checksum_impl() {
    return _key.hashCode();
  }
}
