"""The hub's probe of cameras that nobody shows: one look at each, a key frame or two, then it lets go."""
