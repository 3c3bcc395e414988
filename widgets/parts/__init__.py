"""Small things that several tiles draw: text, symbols, hatch."""
