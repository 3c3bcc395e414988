"""One file a tile kind. A new kind is one new file with a SPEC: the registry finds it by scanning this folder."""
