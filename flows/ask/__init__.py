"""Questions that change nothing: explain, status, doctor, checks, tax reports, a dry run."""
