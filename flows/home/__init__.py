"""Where everything of a billing operation lies, and its one writer: settings, database, kept objects, lock, audit."""
