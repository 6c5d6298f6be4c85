"""Every promise of the API, on a running service, as a person of its own."""

import arriving
import kit
import person
import remembering
import searching

CHECKS = [*arriving.CHECKS, *searching.CHECKS, *remembering.CHECKS]

if __name__ == "__main__":
    kit.main("integration", CHECKS, person.fresh)
