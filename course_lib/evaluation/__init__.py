"""What is a representation good for? Probes, neighbours, and the pretext task's own score on unseen data."""
