"""The command line: a short file for each verb, imported only when that verb is called."""
