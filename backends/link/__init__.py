"""The console's end of the link to the hub: sequence keeping, actions, health, and the socket loop."""
