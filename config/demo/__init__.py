"""`make demo`: the whole product on one laptop, with nothing else installed.

The runner is the standard library alone and never imports Django: it starts processes and looks after them.
"""
