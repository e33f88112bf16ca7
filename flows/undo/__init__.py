"""Files taken back, call detail erased, suspended usage tried again."""
