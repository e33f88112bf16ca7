"""Who does a month's units of work: this process, others on this machine, or the workers of a cluster.

A unit is a piece of usage, a range of accounts or a batch of documents. A worker opens no database: it reads files at a
place that every worker sees and leaves files there (place); one writer, the process of the command, loads what comes
back. A unit whose worker dies is done again, a unit that was done twice counts once, and results come in the order of
the units: the bytes are the same whoever did the work. Open first: engine.py.
"""
