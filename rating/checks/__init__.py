"""Subjects of check files (CONTRACT, section 5), each on the code that bills; flows/ask/check.py runs them."""
