"""What network video recorders (NVR) and their makers' cameras have of their own: the addresses of their streams."""
