"""Products, plans, rates, taxes and exchange rates of a home, as read and checked."""
