"""Mails, queued and handed over."""
