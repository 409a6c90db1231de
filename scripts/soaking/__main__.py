"""The program ``scripts/soak``."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from soaking.ledger import Ledger
from soaking.soak import Soak, Wanted

_DESCRIPTION = """\
Several clients and workers train, generate, read and write at random on two nodes of this machine,
while workers and clients are killed and paused, nodes are paused and jobs are cancelled.

Everything is compared with what was sent: frames are read by other clients than wrote them,
generated frames are compared with their training frames and with the first sample of their seed,
models with their first sample. Every job must end, and end well unless a disturbance explains its
failure. At the end everything is removed, and keys, threads and memory are compared with those
after the warm-up.

The exit status is 0 only if nothing was lost, wrong, hung or leaked, and no request failed without
a reason."""


def main() -> int:
    """Run a soak. Returns the exit status: 0 no finding, 1 some, 130 interrupted."""
    options = _parser().parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.folder is None:
        folder = Path(tempfile.mkdtemp(prefix="h2o_gan_soak_"))
    else:
        folder = options.folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
    print(f"logs are in {folder}", flush=True)
    wanted = Wanted(
        options.minutes, options.seed, options.workers, options.notebooks, options.rest,
        options.every, options.warm_up, options.heap, options.node_kills, options.patience,
    )  # fmt: skip
    ledger = Ledger()
    soak = Soak(wanted, folder, ledger)
    figures: dict[str, Any] = {}
    status = 0
    try:
        figures = soak.run()
    except KeyboardInterrupt:
        status = 130
        ledger.log("interrupted")
    except Exception:  # What was found until then is worth reading.
        status = 1
        traceback.print_exc()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        soak.close()
    report = {"asked": vars(wanted), **ledger.report(), **figures}
    print(json.dumps(report, indent=2))
    if options.out is not None:
        options.out.write_text(json.dumps(report, indent=2) + "\n")
    return status or int(bool(ledger.findings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10, help="time with disturbances (10)")
    parser.add_argument("--seed", type=int, default=1, help="of all choices; not of their times")
    parser.add_argument("--workers", type=int, default=2, help="processes of h2o-gan worker (2)")
    parser.add_argument("--notebooks", type=int, default=2, help="clients in Python (2)")
    parser.add_argument("--rest", type=int, default=2, help="clients by REST (2)")
    parser.add_argument("--every", type=float, default=8, help="seconds between disturbances (8)")
    parser.add_argument("--warm-up", type=float, default=60, help="seconds without them (60)")
    parser.add_argument("--heap", default="900m", help="of each of the two nodes (900m)")
    parser.add_argument(
        "--node-kills", type=int, default=0,
        help="how often, after all else, a node is killed and the cluster started again (0)",
    )  # fmt: skip
    parser.add_argument(
        "--patience", type=float, default=1,
        help="factor of all limits, for a busy machine (1)",
    )  # fmt: skip
    parser.add_argument("--folder", type=Path, help="for logs and files (a temporary one)")
    parser.add_argument("--out", type=Path, help="file to write the figures to, as JSON")
    return parser


if __name__ == "__main__":
    os.environ.setdefault("DO_NOT_TRACK", "1")
    sys.exit(main())
