"""The way out of Exchange Web Services: who still uses it, who could use Graph, and how each is moved, or brought back.

Level-triggered: wherever the settings say Graph and a connection goes by EWS, it is to be moved, and a worker tries.
EWS goes on until Graph has opened the same mailbox.
"""
