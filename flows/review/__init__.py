"""What to look at before approving, and what stops an approval."""
