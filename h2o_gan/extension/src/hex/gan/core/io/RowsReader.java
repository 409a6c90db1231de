package hex.gan.core.io;

import hex.gan.core.data.Values;
import java.io.Closeable;
import java.io.IOException;

/** Reads rows of a file in order, with the values of some columns. Used by one thread at a time. */
public interface RowsReader extends Closeable {
  /**
   * The next rows.
   *
   * @param most most rows to read
   * @return of each column; null at the end
   * @throws IllegalArgumentException the file does not hold such values
   */
  Values[] next(int most) throws IOException;
}
