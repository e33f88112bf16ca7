"""After issue: months worked out anew, and what differs as credit notes and replacements."""
