package hex.gan.core.io;

import hex.gan.core.data.Values;
import java.io.IOException;
import java.util.List;

/**
 * A format of rows in files.
 *
 * <p>Immutable, so that threads encode different rows at a time; what they make is written in the order of rows.
 */
public interface RowsWriter {
  /** What a file begins with. */
  byte[] head() throws IOException;

  /**
   * Encodes rows.
   *
   * @param blocks consecutive blocks, each with the values of all columns
   */
  byte[] encode(List<Values[]> blocks) throws IOException;

  /** What a file ends with. */
  byte[] end() throws IOException;
}
