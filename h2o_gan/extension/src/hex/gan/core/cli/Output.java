package hex.gan.core.cli;

import hex.gan.core.data.Column;
import hex.gan.core.io.ArrowWriter;
import hex.gan.core.io.CsvWriter;
import hex.gan.core.io.RowsWriter;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.List;
import java.util.Locale;

/** Where rows go: the standard output, or a file that appears whole or not at all. */
final class Output implements Closeable {
  /** Null for the standard output. */
  private final Path path;
  /** The file while it is written, beside the path. */
  private final Path part;
  private final OutputStream out;
  private final Thread removal;

  /** Opens a file, or the standard output for null and "-". */
  Output(String name) throws IOException, UsageException {
    boolean isFile = isFile(name);
    path = isFile ? Paths.get(name).toAbsolutePath() : null;
    if (!isFile) {
      part = null;
      removal = null;
      out = new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16);
      return;
    }
    if (Files.isDirectory(path)) {
      throw new UsageException(name + " is a folder: name a file.");
    }
    String random = Long.toHexString(new SecureRandom().nextLong());
    part = path.resolveSibling("." + path.getFileName() + "." + random + ".part");
    try {
      out = Files.newOutputStream(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (IOException error) {
      throw new UsageException(name + " can't be written: " + error);
    }
    // For those who interrupt the command.
    removal = new Thread(this::remove);
    Runtime.getRuntime().addShutdownHook(removal);
  }

  private static boolean isFile(String name) {
    return name != null && !name.equals("-");
  }

  /** The format of a file, by its name; checked before any long work begins. */
  static boolean isArrow(String name) throws UsageException {
    String lower = isFile(name) ? name.toLowerCase(Locale.ROOT) : ".csv";
    if (!lower.endsWith(".csv") && !lower.endsWith(".arrow")) {
      throw new UsageException(name + ": name the output .csv or .arrow.");
    }
    return lower.endsWith(".arrow");
  }

  static RowsWriter writer(String name, List<Column> columns) throws UsageException {
    return isArrow(name) ? new ArrowWriter(columns) : new CsvWriter(columns);
  }

  void write(byte[] bytes) throws IOException {
    out.write(bytes);
  }

  /** Makes the file appear. */
  void commit() throws IOException {
    out.close();
    if (path != null) {
      try {
        Files.move(part, path, StandardCopyOption.ATOMIC_MOVE);
      } catch (AtomicMoveNotSupportedException error) {
        Files.move(part, path, StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  @Override
  public void close() throws IOException {
    if (path != null) {
      out.close();
      remove();
      try {
        Runtime.getRuntime().removeShutdownHook(removal);
      } catch (IllegalStateException error) {
        // The process is ending: the hook runs.
      }
    }
  }

  private void remove() {
    try {
      Files.deleteIfExists(part);
    } catch (IOException error) {
      // Nothing can be done about it.
    }
  }
}
