"""The hub's process that listens to what cameras and recorders notice. Orders come in, answers go out."""
