"""How often Python looks for objects that only hold each other."""

import gc

#: New objects between two looks. Python's 700 makes a start of ours, which is mostly the import of
#: libraries, a fifth longer: thousands of objects are made that all stay.
NEW_OBJECTS = 25_000


def collect_seldom() -> None:
    """Called first by each program, before it imports libraries; memory stays bounded, as the
    garbage of so many objects is a few megabytes."""
    gc.set_threshold(NEW_OBJECTS)
