package hex.gan.core.data;

import java.util.Locale;

/** The kinds of columns: H2O's column types. */
public enum Kind {
  INT,
  REAL,
  /** Milliseconds since 1970, UTC. */
  TIME,
  ENUM,
  STRING,
  UUID;

  /** The name in model files, in lower case. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether values are long numbers: those of INT and TIME. */
  public boolean isWhole() {
    return this == INT || this == TIME;
  }

  /** Whether values are numbers: those of INT, REAL and TIME. */
  public boolean isNumber() {
    return isWhole() || this == REAL;
  }
}
