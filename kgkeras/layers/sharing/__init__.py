"""Ways in which tasks share what reads their texts."""
