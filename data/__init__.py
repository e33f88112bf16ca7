"""Reference tables and the sample provider."""
