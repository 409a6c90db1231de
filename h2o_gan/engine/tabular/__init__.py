"""The family of tables: an autoregressive generator and a critic of whole rows."""
