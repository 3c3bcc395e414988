"""What network video recorders (NVR) and their makers' cameras have of their own: addresses, live and past."""
