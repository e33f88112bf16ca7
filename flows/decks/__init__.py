"""Rate decks: other people's price sheets as canonical rows, checked, compared and compiled for the search."""
