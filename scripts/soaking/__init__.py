"""Random work by many clients and workers on a cluster that is disturbed, and its book-keeping."""
