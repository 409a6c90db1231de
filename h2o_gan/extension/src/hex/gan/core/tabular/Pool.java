package hex.gan.core.tabular;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;

/** Objects that one thread uses at a time, and that are expensive to make. */
final class Pool<T> {
  private final ConcurrentLinkedQueue<T> free = new ConcurrentLinkedQueue<>();
  private final Supplier<T> maker;

  Pool(Supplier<T> maker) {
    this.maker = maker;
  }

  T take() {
    T found = free.poll();
    return found == null ? maker.get() : found;
  }

  void give(T object) {
    free.add(object);
  }
}
