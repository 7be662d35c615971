"""A process of the service whose beat asks for the night when the test says so.

`python -m tests.acceptance.night_clock MODULE ARGUMENTS` is `python -m MODULE ARGUMENTS`, but beat
asks twice a second instead of every minute, and not before the file `night` lies in the
folder of the process. All else is as shipped.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

from celery.beat import ScheduleEntry, Scheduler

FALLS = Path("night")
ASKS_EVERY_S = 0.5


def main() -> None:
    import celeryconfig

    celeryconfig.beat_schedule["nightly"]["schedule"] = ASKS_EVERY_S
    apply_entry = Scheduler.apply_entry

    def apply_at_night(self: Scheduler, entry: ScheduleEntry, producer: Any = None) -> None:
        if entry.name != "nightly" or FALLS.exists():
            apply_entry(self, entry, producer)

    Scheduler.apply_entry = apply_at_night
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
