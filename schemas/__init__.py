"""The nouns of billing: what a call, a rate, a charge and a document *are*. Imports nothing of ours."""
