"""Pure: values, decisions and words. Start reading at ``strategy.py``."""
