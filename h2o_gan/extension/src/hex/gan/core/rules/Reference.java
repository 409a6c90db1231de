package hex.gan.core.rules;

import hex.gan.core.data.Column;

/** The values of a column. */
final class Reference extends Expression {
  /** Index of the column in the model. */
  final int column;
  /** Of a real column; {@link Numbers#UNKNOWN} where its values are not rounded, and for other kinds. */
  final int decimals;

  Reference(int index, Column column, int decimals) {
    super(Type.of(column.kind));
    this.column = index;
    this.decimals = decimals;
  }

  @Override
  Numbers numbers(TableValues table) {
    return type == Type.TEXT ? super.numbers(table) : table.numbers(column, decimals);
  }

  @Override
  String[] texts(TableValues table) {
    return type == Type.TEXT ? table.texts(column) : super.texts(table);
  }
}
