package hex.gan.core.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The arguments of a command: a model file, and options with or without a value. */
final class Arguments {
  /** The model file. */
  final String model;

  private final Map<String, List<String>> options = new HashMap<>();

  /**
   * Parses arguments.
   *
   * @param arguments those behind the command
   * @param known options with a value
   * @param flags options without one
   */
  Arguments(List<String> arguments, Set<String> known, Set<String> flags) throws UsageException {
    List<String> files = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      String argument = arguments.get(i);
      if (!argument.startsWith("--")) {
        files.add(argument);
        continue;
      }
      int equals = argument.indexOf('=');
      String name = equals < 0 ? argument : argument.substring(0, equals);
      if (flags.contains(name) && equals < 0) {
        options.put(name, Collections.singletonList(""));
      } else if (!known.contains(name)) {
        throw new UsageException("there is no option " + name + ": see --help.");
      } else if (equals < 0 && i + 1 == arguments.size()) {
        throw new UsageException(name + " has no value.");
      } else {
        String value = equals < 0 ? arguments.get(++i) : argument.substring(equals + 1);
        options.computeIfAbsent(name, key -> new ArrayList<>()).add(value);
      }
    }
    if (files.size() != 1) {
      throw new UsageException("name one model file, not " + files.size() + ": see --help.");
    }
    model = files.get(0);
  }

  boolean has(String name) {
    return options.containsKey(name);
  }

  /** All values of an option that may be repeated. */
  List<String> all(String name) {
    return options.getOrDefault(name, Collections.emptyList());
  }

  /** The value of an option; null where it is not given. */
  String text(String name) throws UsageException {
    List<String> values = all(name);
    if (values.size() > 1) {
      throw new UsageException(name + " is given twice.");
    }
    return values.isEmpty() ? null : values.get(0);
  }

  /** The value of an option that must be given. */
  String needed(String name) throws UsageException {
    String text = text(name);
    if (text == null) {
      throw new UsageException(name + " is missing: see --help.");
    }
    return text;
  }

  /** A whole number in any notation, for example 1e6. */
  long whole(String name, long least, long otherwise) throws UsageException {
    String text = text(name);
    if (text == null) {
      return otherwise;
    }
    long number;
    try {
      number = Long.parseLong(text);
    } catch (NumberFormatException error) {
      double real = real(name, 0);
      if (real != Math.rint(real) || Math.abs(real) > 0x1p62) {
        throw new UsageException(name + ": " + text + " is not a whole number.");
      }
      number = (long) real;
    }
    if (number < least) {
      throw new UsageException(name + " must be at least " + least + ", not " + text + ".");
    }
    return number;
  }

  double real(String name, double otherwise) throws UsageException {
    String text = text(name);
    try {
      return text == null ? otherwise : Double.parseDouble(text);
    } catch (NumberFormatException error) {
      throw new UsageException(name + ": " + text + " is not a number.");
    }
  }

  /** Options as a set. */
  static Set<String> set(String... names) {
    return new HashSet<>(Arrays.asList(names));
  }
}
