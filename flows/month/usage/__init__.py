"""Usage read in pieces, rated, and what comes late."""
