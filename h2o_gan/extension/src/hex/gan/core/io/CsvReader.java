package hex.gan.core.io;

import hex.gan.core.data.Column;
import hex.gan.core.data.Messages;
import hex.gan.core.data.Values;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Reads CSV as h2o_gan/table_files.py does: the same texts are missing values, and values may have line breaks. */
public final class CsvReader implements RowsReader {
  private static final Set<String> MISSING = Collections.unmodifiableSet(new HashSet<>(Arrays.asList(
      "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "N/A", "NA", "NULL",
      "NaN", "n/a", "nan", "null")));
  private static final int MAX_CELL = 1 << 24;
  private static final int NONE = -2;

  private final BufferedReader in;
  private final char delimiter;
  private final List<Column> columns;
  private final boolean fractions;
  /** The names of the file's columns. */
  private final List<String> names;
  /** Of each of the file's columns the index in {@link #columns}, or -1. */
  private final int[] places;
  private final StringBuilder cell = new StringBuilder();
  private int next = NONE;
  private long row = 1;

  /**
   * Reads the header.
   *
   * @param fractions whether columns of whole numbers may have other numbers
   * @param lacking whether the file may lack columns, which are missing then
   * @throws IllegalArgumentException the file lacks a column, or is not CSV
   */
  public CsvReader(InputStream file, char delimiter, List<Column> columns, boolean fractions, boolean lacking)
      throws IOException {
    in = new BufferedReader(new InputStreamReader(file, StandardCharsets.UTF_8.newDecoder()), 1 << 16);
    this.delimiter = delimiter;
    this.columns = columns;
    this.fractions = fractions;
    if (peek() == '\uFEFF') {
      take();
    }
    names = new ArrayList<>();
    List<String> header = cells(new ArrayList<>());
    if (header == null) {
      throw new IllegalArgumentException("the file is empty.");
    }
    names.addAll(header);
    places = new int[names.size()];
    List<String> lacked = new ArrayList<>();
    Arrays.fill(places, -1);
    for (int i = 0; i < columns.size(); i++) {
      int at = names.indexOf(columns.get(i).name);
      if (at >= 0) {
        places[at] = i;
      } else {
        lacked.add(columns.get(i).name);
      }
    }
    if (!lacked.isEmpty() && (!lacking || lacked.size() == columns.size())) {
      throw new IllegalArgumentException("the file lacks columns of the model: " + Messages.listed(lacked) + ".");
    }
  }

  private int peek() throws IOException {
    if (next == NONE) {
      try {
        next = in.read();
      } catch (CharacterCodingException error) {
        throw new IllegalArgumentException("the file is not UTF-8.");
      }
    }
    return next;
  }

  private int take() throws IOException {
    int taken = peek();
    next = NONE;
    return taken;
  }

  /** The cells of the next row that is not empty; null at the end. */
  private List<String> cells(List<String> cells) throws IOException {
    while (peek() == '\n' || peek() == '\r') {
      take();
    }
    if (peek() < 0) {
      return null;
    }
    while (true) {
      cells.add(cell());
      int end = take();
      if (end != delimiter) {
        if (end == '\r' && peek() == '\n') {
          take();
        }
        return cells;
      }
    }
  }

  private String cell() throws IOException {
    cell.setLength(0);
    if (peek() == '"') {
      take();
      while (true) {
        int c = take();
        if (c < 0) {
          throw new IllegalArgumentException("row " + row + " of the file has a quote without end.");
        }
        if (c != '"') {
          append(c);
        } else if (peek() == '"') {
          append(take());
        } else {
          break;
        }
      }
    }
    while (peek() >= 0 && peek() != delimiter && peek() != '\n' && peek() != '\r') {
      append(take());
    }
    return cell.toString();
  }

  private void append(int c) {
    if (cell.length() == MAX_CELL) {
      throw new IllegalArgumentException("row " + row + " of the file has a value of over 16 million characters.");
    }
    cell.append((char) c);
  }

  @Override
  public Values[] next(int most) throws IOException {
    String[][] texts = new String[columns.size()][most];
    List<String> cells = new ArrayList<>();
    int count = 0;
    while (count < most && cells(cells) != null) {
      if (cells.size() != places.length) {
        throw new IllegalArgumentException(
            "row " + row + " of the file has " + cells.size() + " values, not " + places.length + ".");
      }
      for (int i = 0; i < places.length; i++) {
        if (places[i] >= 0) {
          texts[places[i]][count] = MISSING.contains(cells.get(i)) ? null : cells.get(i);
        }
      }
      cells.clear();
      count++;
      row++;
    }
    if (count == 0) {
      return null;
    }
    Values[] values = new Values[columns.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = TextValues.of(columns.get(i), Arrays.copyOf(texts[i], count), fractions);
    }
    return values;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
