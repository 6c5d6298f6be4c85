"""neotoma: upload documents, extract facts deterministically, search them.

Start reading at ``app.py``; the schema is in ``migrations/`` at the root of the tree.
"""
