"""The documentation: its pages, and what writes those that the program itself knows (make_pages.py)."""
