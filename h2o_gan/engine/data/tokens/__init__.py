"""Tokens: the steps in which the column-by-column generator draws the code of a column.

A column with few codes is one choice. One with many levels is two: a block of levels with similar
frequencies, and the index in the block. A numeric column with many values is a choice between
missing, its spikes (zero, a cap, infinity) and the rest, then a number: the normal score of the
value's rank among the rest, drawn uniformly within the ranks that ties and bins share, as
randomised quantile residuals are (Dunn & Smyth 1996).

No value that only a few rows have reaches the network. Levels in fewer than five rows are one
choice, "rare", and which of them a row gets is drawn by their shares; where all of them together
are few rows, the network has no choice for them, and any row may get one. Numbers come from ranges
that hold at least five rows.
"""
