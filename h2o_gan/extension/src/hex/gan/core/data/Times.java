package hex.gan.core.data;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Times as text, by ISO 8601 with a space or a T between date and time. They are milliseconds since 1970, UTC. */
public final class Times {
  private static final Pattern ISO = Pattern.compile(
      "\\s*([+-]?\\d{1,9})(?:-(\\d\\d)(?:-(\\d\\d)(?:[T ](\\d\\d)(?::(\\d\\d)(?::(\\d\\d)(?:\\.(\\d*))?)?)?"
          + "(Z|[+-]\\d\\d(?::?\\d\\d)?)?)?)?)?");
  private static final long MINUTE = 60_000;
  private static final long DAY = 24 * 60 * MINUTE;
  /** Years of which all days are within 64 bits. */
  private static final int LARGEST_YEAR = 292_000_000;

  private Times() {}

  /** Reads a time, or part of one; null where the text is none. */
  public static Long parse(String text) {
    Matcher parts = ISO.matcher(text);
    if (!parts.matches()) {
      return null;
    }
    int year = Integer.parseInt(parts.group(1));
    int hour = part(parts, 4, 0);
    int minute = part(parts, 5, 0);
    int second = part(parts, 6, 0);
    if (Math.abs(year) > LARGEST_YEAR || hour > 23 || minute > 59 || second > 59) {
      return null;
    }
    Long offset = offset(parts.group(8));
    if (offset == null) {
      return null;
    }
    String fraction = parts.group(7) == null ? "" : parts.group(7);
    long millis = Long.parseLong((fraction + "000").substring(0, 3));
    try {
      long days = LocalDate.of(year, part(parts, 2, 1), part(parts, 3, 1)).toEpochDay();
      return days * DAY + (hour * 60 + minute) * MINUTE + second * 1000L + millis - offset;
    } catch (DateTimeException error) {
      return null;
    }
  }

  private static int part(Matcher parts, int group, int otherwise) {
    return parts.group(group) == null ? otherwise : Integer.parseInt(parts.group(group));
  }

  private static Long offset(String zone) {
    if (zone == null || zone.equals("Z")) {
      return 0L;
    }
    String digits = zone.substring(1).replace(":", "");
    int hours = Integer.parseInt(digits.substring(0, 2));
    int minutes = digits.length() > 2 ? Integer.parseInt(digits.substring(2)) : 0;
    if (hours > 23 || minutes > 59) {
      return null;
    }
    return (zone.charAt(0) == '-' ? -1 : 1) * (hours * 60 + minutes) * MINUTE;
  }

  /** Writes a time, without milliseconds where there are none. */
  public static String text(long millis) {
    LocalDate date = LocalDate.ofEpochDay(Math.floorDiv(millis, DAY));
    long rest = Math.floorMod(millis, DAY);
    String text = String.format("%04d-%02d-%02d %02d:%02d:%02d", date.getYear(), date.getMonthValue(),
        date.getDayOfMonth(), rest / (60 * MINUTE), rest / MINUTE % 60, rest / 1000 % 60);
    return rest % 1000 == 0 ? text : text + String.format(".%03d", rest % 1000);
  }
}
