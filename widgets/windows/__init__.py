"""Top-level windows: one a monitor, with the top bar and the layout's tiles."""
