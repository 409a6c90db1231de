package hex.gan.arrow;

import water.Atomic;
import water.Key;
import water.Value;
import water.fvec.Frame;

/** Stores a frame under its key unless the key is taken; runs on the home node of the key. */
public final class Publication extends Atomic<Publication> {
  private Frame frame;
  private boolean done;

  public Publication(Frame frame) {
    this.frame = frame;
  }

  public boolean made(Key<Frame> key) {
    return ((Publication) invoke(key)).done;
  }

  @Override
  protected Value atomic(Value old) {
    // An object that was removed just now is still there, without a type.
    done = old == null || old.type() == 0;
    return done ? new Value(_key, frame) : null;
  }

  @Override
  protected void onSuccess(Value old) {
    // The answer needs no frame.
    frame = null;
  }
}
