"""Charges to tax and fee rows, by dated tables. Pure: frames in, frames out, no clock and no database."""
