"""What the hub reads from and writes to other systems of the city: one file for each kind."""
