package hex.gan.core;

import hex.gan.core.cli.Commands;

/** The command line of the jar: rows from a saved model, without H2O and without Python. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    System.exit(Commands.run(arguments));
  }
}
