"""Runs plans: the embedded loop on the journal."""
