package hex.gan.core.cli;

import hex.gan.core.data.Column;
import hex.gan.core.io.ArrowReader;
import hex.gan.core.io.CsvReader;
import hex.gan.core.io.RowsReader;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.List;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** Files of rows that are read. */
final class Input {
  private Input() {}

  /**
   * Opens a file.
   *
   * @param columns all of which it must have
   * @param fractions whether columns of whole numbers may have other numbers
   */
  static RowsReader open(String name, List<Column> columns, boolean fractions) throws IOException, UsageException {
    Path path = file(name);
    String lower = name.toLowerCase(Locale.ROOT);
    boolean isArrow = lower.endsWith(".arrow");
    boolean isPacked = lower.endsWith(".csv.gz");
    if (!isArrow && !isPacked && !lower.endsWith(".csv") && !lower.endsWith(".tsv") && !lower.endsWith(".txt")) {
      throw new UsageException(name + " is neither CSV nor Arrow by its name: rename it to .csv or .arrow.");
    }
    InputStream in = new BufferedInputStream(Files.newInputStream(path), 1 << 16);
    try {
      if (isArrow) {
        return new ArrowReader(in, columns, fractions, false);
      }
      InputStream text = isPacked ? new GZIPInputStream(in, 1 << 16) : in;
      return new CsvReader(text, lower.endsWith(".tsv") ? '\t' : ',', columns, fractions, false);
    } catch (ZipException error) {
      in.close();
      throw new UsageException(name + " is not compressed by gzip, as its name says.");
    } catch (IllegalArgumentException error) {
      in.close();
      throw new UsageException(name + ": " + error.getMessage());
    }
  }

  /** A file that is there. */
  static Path file(String name) throws UsageException {
    Path path = Paths.get(name);
    if (!Files.isRegularFile(path)) {
      throw new UsageException("there is no file " + name + ": check the path.");
    }
    return path;
  }
}
