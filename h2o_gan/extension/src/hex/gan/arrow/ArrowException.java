package hex.gan.arrow;

/** An error in a received table, with a message for its sender. */
public final class ArrowException extends Exception {
  public ArrowException(String message) {
    super(message);
  }
}
