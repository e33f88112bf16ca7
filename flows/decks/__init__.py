"""Rate decks as people have them."""
