"""The version of this tree: shown on the page, in every response and in every metric."""

VERSION = "v1.1.0-slow"
