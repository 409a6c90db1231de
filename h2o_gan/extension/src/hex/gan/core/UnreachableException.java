package hex.gan.core;

/** No row of the model can meet the conditions and rules; the message says which. */
public final class UnreachableException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public UnreachableException(String message) {
    super(message);
  }
}
