"""What makes a task's answer of words that tasks read together."""
