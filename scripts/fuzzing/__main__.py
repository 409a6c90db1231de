"""The program ``scripts/fuzz``."""

from __future__ import annotations

import argparse
import os
import sys

from fuzzing import models, streams


def main() -> int:
    """Run one of the two. Returns 0 where nothing was found, and 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name, module in (("models", models), ("streams", streams)):
        one = kinds.add_parser(
            name,
            help=(module.__doc__ or "").split("\n")[0],
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_options(one)
        one.set_defaults(run=module.run)
    options = parser.parse_args()
    return int(options.run(options))


if __name__ == "__main__":
    os.environ.setdefault("DO_NOT_TRACK", "1")
    sys.exit(main())
