package hex.gan.core.tabular;

import hex.gan.core.DamagedException;
import hex.gan.core.codecs.Codec;
import hex.gan.core.codecs.Codecs;
import hex.gan.core.codecs.ComputedCodec;
import hex.gan.core.codecs.ConstantCodec;
import hex.gan.core.codecs.GeneratedCodec;
import hex.gan.core.codecs.LearnedCodec;
import hex.gan.core.codecs.OrderedCodec;
import hex.gan.core.codecs.Quantiles;
import hex.gan.core.data.Column;
import hex.gan.core.data.Values;
import hex.gan.core.file.Json;
import hex.gan.core.file.ModelFile;
import hex.gan.core.rules.ColumnIndex;
import hex.gan.core.rules.Relations;
import hex.gan.core.rules.Rule;
import hex.gan.core.rules.StoredRules;
import hex.gan.core.rules.Unique;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The columns of a table and their codecs; mirrors h2o_gan/engine/data/table_encoder.py.
 *
 * <p>A column is told by its index in {@link #table}, the order of rows; a learned codec by its index among those.
 */
final class TableEncoder {
  /** The columns in the order of rows. */
  final ColumnIndex table;
  final Codec[] codecs;
  final LearnedCodec[] learned;
  /** By codec, the indices of its columns. */
  final int[][] columnsOf;
  /** By learned codec, its index among all codecs. */
  final int[] learnedAt;
  /** By column, the index of its codec. */
  final int[] codecOf;
  final Relations relations;
  final List<Rule> rules;

  TableEncoder(ModelFile file) throws IOException {
    Json encoder = file.json().get("encoder");
    List<Json> items = encoder.get("columns").items();
    codecs = new Codec[items.size()];
    Map<String, Column> byName = new HashMap<>();
    List<String> names = new ArrayList<>();
    for (int i = 0; i < codecs.length; i++) {
      codecs[i] = Codecs.restore(items.get(i), file.codec(i));
      for (Column column : codecs[i].columns) {
        if (byName.put(column.name, column) != null) {
          throw new DamagedException("two of its columns have one name");
        }
        names.add(column.name);
      }
    }
    table = new ColumnIndex(inOrder(encoder, byName, names));
    columnsOf = new int[codecs.length][];
    codecOf = new int[table.columns.size()];
    List<LearnedCodec> learnedCodecs = new ArrayList<>();
    int[] places = new int[codecs.length];
    for (int i = 0; i < codecs.length; i++) {
      columnsOf[i] = new int[codecs[i].columns.length];
      for (int c = 0; c < columnsOf[i].length; c++) {
        columnsOf[i][c] = table.of(codecs[i].columns[c].name);
        codecOf[columnsOf[i][c]] = i;
      }
      if (codecs[i] instanceof LearnedCodec) {
        places[learnedCodecs.size()] = i;
        learnedCodecs.add((LearnedCodec) codecs[i]);
      }
    }
    learned = learnedCodecs.toArray(new LearnedCodec[0]);
    learnedAt = java.util.Arrays.copyOf(places, learned.length);
    if (learned.length == 0) {
      throw new DamagedException("none of its columns is learned");
    }
    relations = Relations.restore(encoder.find("relations"), table);
    rules = rules(encoder.find("rules"), file);
    checkRelations();
  }

  private static List<Column> inOrder(Json encoder, Map<String, Column> byName, List<String> names)
      throws DamagedException {
    Json stored = encoder.find("names");
    List<String> wanted = stored == null ? names : stored.texts();
    List<Column> columns = new ArrayList<>();
    Set<String> left = new HashSet<>(byName.keySet());
    for (String name : wanted) {
      if (!left.remove(name)) {
        throw new DamagedException("its names are not those of its columns");
      }
      columns.add(byName.get(name));
    }
    if (!left.isEmpty()) {
      throw new DamagedException("its names are not those of its columns");
    }
    return columns;
  }

  private List<Rule> rules(Json items, ModelFile file) throws IOException {
    List<Rule> found = new ArrayList<>();
    if (items == null) {
      return found;
    }
    if (items.items().size() > Rule.MAX_RULES) {
      throw items.wrong("has more than " + Rule.MAX_RULES + " rules");
    }
    for (int i = 0; i < items.items().size(); i++) {
      found.add(StoredRules.restore(items.items().get(i), file.rule(i), table));
    }
    return found;
  }

  private void checkRelations() throws DamagedException {
    for (int c = 0; c < codecOf.length; c++) {
      Codec codec = codecs[codecOf[c]];
      int count = codec instanceof LearnedCodec ? ((LearnedCodec) codec).related : 0;
      boolean always = codec instanceof ComputedCodec;
      if (always != (relations.always(c) != null) || count != relations.count(c)) {
        throw table.columns.get(c).wrong("it does not match its relations");
      }
    }
  }

  /** Whether a column's values follow from a row's index in the sample. */
  boolean isGenerated(int column) {
    return codecs[codecOf[column]] instanceof GeneratedCodec;
  }

  /** The values of a codec's columns; null where one is not there. */
  Values[] valuesOf(int codec, Values[] columns) {
    Values[] own = new Values[columnsOf[codec].length];
    for (int i = 0; i < own.length; i++) {
      own[i] = columns[columnsOf[codec][i]];
      if (own[i] == null) {
        return null;
      }
    }
    return own;
  }

  /** The smallest and the largest value of a column of numbers or times in training; infinite for others. */
  double[] rangeOf(int column) {
    double[] range = relations.range(column);
    if (range != null) {
      return range;
    }
    Codec codec = codecs[codecOf[column]];
    if (!(codec instanceof OrderedCodec)) {
      return new double[] {Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY};
    }
    Quantiles quantiles = ((OrderedCodec) codec).quantiles;
    return new double[] {quantiles.least().doubleValue(), quantiles.most().doubleValue()};
  }

  /** Rules about all rows of a sample, but those that identifiers keep anyway. */
  List<Unique> uniqueRules() {
    List<Unique> found = new ArrayList<>();
    for (Rule rule : rules) {
      boolean own = rule instanceof Unique;
      for (int column : rule.columns) {
        Codec codec = codecs[codecOf[column]];
        own &= !(codec instanceof GeneratedCodec) || codec instanceof ConstantCodec;
      }
      if (own) {
        found.add((Unique) rule);
      }
    }
    return found;
  }

  /** Values of columns that follow from a row's index, by column; null for others. */
  Values[] generated(long start, int rows, long seed) {
    Values[] made = new Values[table.columns.size()];
    for (int i = 0; i < codecs.length; i++) {
      if (codecs[i] instanceof GeneratedCodec) {
        made[columnsOf[i][0]] = ((GeneratedCodec) codecs[i]).generate(start, rows, seed);
      }
    }
    return made;
  }
}
