"""What touches the world: files, DuckDB, Prefect, SMTP, the clock, the command line."""
