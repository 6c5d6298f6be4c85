"""Every promise of the API, on a running service. For staging: it fills the memory that it looks at, and empties it."""

import arriving
import kit
import person
import searching

CHECKS = [*arriving.CHECKS, *searching.CHECKS]

if __name__ == "__main__":
    kit.main("integration", CHECKS, person.fresh)
