"""One column <-> numbers: the part of the encoding that knows what values are.

A column becomes integer codes on the way in. On the way out the networks say, per row, a level's
code or a place on the column's cumulative distribution, and the codec turns that back into values
of the column's own range and resolution. Each kind of column has a file.
"""
