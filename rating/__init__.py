"""Usage to rated usage, resources to charges. Pure: frames in, frames out, no clock and no database."""
