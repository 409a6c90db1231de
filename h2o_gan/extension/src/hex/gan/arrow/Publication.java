package hex.gan.arrow;

import water.Atomic;
import water.Key;
import water.Value;
import water.fvec.Frame;

/** Puts a frame under its key unless there is something, decided on the node that the key lives on. */
final class Publication extends Atomic<Publication> {
  private Frame frame;
  private boolean done;

  Publication(Frame frame) {
    this.frame = frame;
  }

  boolean made(Key<Frame> key) {
    return ((Publication) invoke(key)).done;
  }

  @Override
  protected Value atomic(Value old) {
    // What was removed a moment ago is still there, of no type.
    done = old == null || old.type() == 0;
    return done ? new Value(_key, frame) : null;
  }

  @Override
  protected void onSuccess(Value old) {
    // Nothing to send back.
    frame = null;
  }
}
