"""Finding things by what a person types: words without accents, an index of everything, and what fills it."""
