"""Layouts of switches and gateways, as data: a file of `families/` per family, and no other to touch for a new one."""
