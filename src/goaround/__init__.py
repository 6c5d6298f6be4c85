"""Staging-first releases that can always come back."""
