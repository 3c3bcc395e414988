"""What a wall is: specs, loading, geometry and the shipped presets. No Qt, no data, no clock."""
