"""Sounds, translations, themes, procedures and map data; read by path, passed in by console/."""
