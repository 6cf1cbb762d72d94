"""What every task of a soak leaves: numbered lines in its log, and the version of the code that ran."""

import time

from metaflow import current
from version import VERSION

LINES = 5


def note(flow):
    """Print the lines of this attempt slowly, so that it may be killed between any two of them."""
    flow.version = VERSION
    for number in range(LINES):
        print(f"soak {current.pathspec} {current.retry_count} {number}", flush=True)
        time.sleep(0.05)
