"""What all families train with: the loop, objectives, scores and measures."""
