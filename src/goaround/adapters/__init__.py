"""The neighbours, each file named after its technology."""
