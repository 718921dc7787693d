"""Pure readers of formats: bytes or text in, values out. No clocks, no sockets, no threads."""
