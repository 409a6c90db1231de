"""Codecs: the values of a kind of column <-> integer codes.

Each kind of column has a file, with its codec; :mod:`~h2o_gan.engine.data.codecs.registry` lists
them. To add a kind, write a file with a subclass of
:class:`~h2o_gan.engine.data.protocol.LearnedCodec` or
:class:`~h2o_gan.engine.data.protocol.GeneratedCodec`, its test module, and one line in the
registry.
"""
