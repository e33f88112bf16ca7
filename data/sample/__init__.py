"""The sample provider: Corvane Voice, invented from its sellers to its phone numbers. `make.py` makes its usage."""
