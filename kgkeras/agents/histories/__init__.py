"""What walkers remember of their way."""
