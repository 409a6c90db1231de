package hex.gan.core.io;

import hex.gan.core.data.Column;
import hex.gan.core.data.Kind;
import hex.gan.core.data.Values;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * CSV as h2o_gan/table_files.py writes it: text in quotes, missing values empty, times in UTC without a zone.
 */
public final class CsvWriter implements RowsWriter {
  private static final long DAY = 86_400_000;

  private final List<Column> columns;

  public CsvWriter(List<Column> columns) {
    this.columns = columns;
  }

  @Override
  public byte[] head() {
    ByteBuilder out = new ByteBuilder();
    for (int i = 0; i < columns.size(); i++) {
      if (i > 0) {
        out.append(',');
      }
      out.append(quoted(columns.get(i).name));
    }
    out.append('\n');
    return out.toBytes();
  }

  @Override
  public byte[] encode(List<Values[]> blocks) {
    ByteBuilder out = new ByteBuilder();
    for (Values[] block : blocks) {
      byte[][][] levels = new byte[block.length][][];
      for (int i = 0; i < block.length; i++) {
        levels[i] = new byte[block[i].levels.size()][];
      }
      for (int row = 0; row < block[0].size(); row++) {
        for (int i = 0; i < block.length; i++) {
          if (i > 0) {
            out.append(',');
          }
          if (!block[i].missing[row]) {
            append(out, block[i], row, levels[i]);
          }
        }
        out.append('\n');
      }
    }
    return out.toBytes();
  }

  @Override
  public byte[] end() {
    return new byte[0];
  }

  private static void append(ByteBuilder out, Values values, int row, byte[][] levels) {
    if (values.real != null) {
      DoubleText.append(out, values.real[row]);
    } else if (values.text != null) {
      out.append(quoted(values.text[row]));
    } else if (values.kind == Kind.ENUM) {
      int level = (int) values.whole[row];
      if (levels[level] == null) {
        levels[level] = quoted(values.levels.get(level));
      }
      out.append(levels[level]);
    } else if (values.kind == Kind.TIME) {
      appendTime(out, values.whole[row]);
    } else {
      out.append(values.whole[row]);
    }
  }

  private static byte[] quoted(String text) {
    return ('"' + text.replace("\"", "\"\"") + '"').getBytes(StandardCharsets.UTF_8);
  }

  /** A time as "2020-01-31 23:59:59.000". */
  private static void appendTime(ByteBuilder out, long millis) {
    // Days since 0000-03-01 of the proleptic Gregorian calendar, in eras of 400 years.
    long days = Math.floorDiv(millis, DAY) + 719_468;
    long era = Math.floorDiv(days, 146_097);
    long inEra = days - era * 146_097;
    long year = (inEra - inEra / 1460 + inEra / 36_524 - inEra / 146_096) / 365;
    long inYear = inEra - (365 * year + year / 4 - year / 100);
    long month = (5 * inYear + 2) / 153;
    long day = inYear - (153 * month + 2) / 5 + 1;
    year += era * 400 + (month >= 10 ? 1 : 0);
    long time = Math.floorMod(millis, DAY);
    if (year < 0) {
      out.append('-');
    }
    out.appendDigits(Math.abs(year), 4);
    out.append('-');
    out.appendDigits(month < 10 ? month + 3 : month - 9, 2);
    out.append('-');
    out.appendDigits(day, 2);
    out.append(' ');
    out.appendDigits(time / 3_600_000, 2);
    out.append(':');
    out.appendDigits(time / 60_000 % 60, 2);
    out.append(':');
    out.appendDigits(time / 1000 % 60, 2);
    out.append('.');
    out.appendDigits(time % 1000, 3);
  }
}
