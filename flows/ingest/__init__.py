"""From the inbox to the feeds: files read, checked, settled and recorded, or refused."""
