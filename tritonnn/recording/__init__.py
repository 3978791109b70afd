"""What happens at a call so that backward can run later: the graph, what it saves, and whether it is recorded."""
