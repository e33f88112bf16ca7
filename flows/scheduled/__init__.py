"""The month on a schedule: what Prefect starts, watches and shows. What was billed is decided by our own tables alone.

Open first: flows/prefect_flow.py, which holds the flows; here is what they share: what each does (acts), how it ends
(states), what is shown of it (artifacts), who is told (events), when it starts (deployments), and the server (serving).
"""

import atexit
import os
import sys

import flows.engine.quiet  # noqa: F401 it speaks before Prefect is imported


def _last_words() -> None:
    """Of the process of a flow run: when it has ended and said so, duckdb's binding would list on stderr what Prefect's
    threads still hold."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


if getattr(sys.modules["__main__"].__spec__, "name", None) in ("prefect.engine", "prefect.flow_engine"):
    atexit.register(_last_words)
