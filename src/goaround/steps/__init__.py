"""The kinds of step: a file each, found by the name that ``domain/strategy.py`` gives it."""
