"""The ``h2o-gan`` command: synthetic rows from a file, without a program.

Progress and messages go to stderr. stdout carries only the rows, and only where no output file is
given.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from h2o_gan.cli.checks import LimitError, UsageError
from h2o_gan.cli.parser import argument_parser

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the arguments after the command's name; those of the process when None.

    Returns:
        The exit status: 0 done, 1 failed with a message, 2 wrong usage, 3 a report is
            beyond a limit, 130 interrupted.
    """
    options = argument_parser().parse_args(arguments)
    result = sys.stdout
    # h2o prints to stdout, its banner and its progress bars too.
    log = io.StringIO() if options.quiet else sys.stderr
    warnings.showwarning = _show_warning
    warnings.filterwarnings("ignore", "Dropping text columns")  # synthesize reports them itself
    with contextlib.redirect_stdout(log):
        try:
            options.run(options, result)
        except KeyboardInterrupt:
            print("h2o-gan: interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:
            # The reader has left, as `head` does. Python's flush at exit must not fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), result.fileno())
            return 1
        except UsageError as error:
            print(f"h2o-gan: error: {error}", file=sys.stderr)
            return 2
        except LimitError as error:
            print(f"h2o-gan: {error}", file=sys.stderr)
            return 3
        except Exception as error:  # the user of a command needs a message, not a traceback
            if os.environ.get("H2O_GAN_TRACEBACK"):
                raise
            print(f"h2o-gan: error: {error}", file=sys.stderr)
            return 1
    return 0


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    # The line may hold a progress bar already.
    print(f"\nh2o-gan: warning: {message}", file=sys.stderr)
