"""What the tiles read: the city as committed records, and Qt item models over it."""
