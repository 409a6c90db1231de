package hex.gan.arrow;

/** What is wrong with a table on its way in, in words for whoever sent it. */
public final class ArrowException extends Exception {
  public ArrowException(String message) {
    super(message);
  }
}
