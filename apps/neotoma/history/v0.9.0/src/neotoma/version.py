"""The version of this tree: shown on the page, in every response and in every metric."""

VERSION = "v0.9.0"
