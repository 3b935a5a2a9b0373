"""Ways of learning to walk."""
