package hex.gan.work;

/** A monotonic clock in milliseconds: administrators and time servers do not set it. */
final class Clock {
  static long now() {
    return System.nanoTime() / 1_000_000;
  }

  private Clock() {}
}
