"""Ways of weighing the losses of tasks."""
