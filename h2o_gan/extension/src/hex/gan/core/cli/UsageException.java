package hex.gan.core.cli;

/** The command can't do what was asked for; the message says why and what to do. */
final class UsageException extends Exception {
  private static final long serialVersionUID = 1;

  UsageException(String message) {
    super(message);
  }
}
